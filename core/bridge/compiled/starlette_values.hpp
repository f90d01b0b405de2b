// Values of Starlette's that are made from a scope in plain cases, as its own Python makes them.
#pragma once

#include <Python.h>

#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Sets on `url`, an object with a `__dict__`, what `starlette.datastructures.URL(scope=scope)` has: `_url`, and
/// `_components`, an instance of `split_result` (urllib.parse.SplitResult), which URL makes of it at its first use.
///
/// 1: done; 0: the scope is not plain, and nothing is set; -1: an exception is set. Plain is what all releases of
/// Starlette read alike: a path and a query of visible ASCII characters, and a Host of letters, digits, ".", "-" and
/// a port.
int fill_url(PyObject* url, PyObject* scope, PyTypeObject* split_result);

/// What `starlette.requests.cookie_parser(field)` gives, where the field is a str of ASCII without quotes; else empty,
/// with an exception set only where there is one.
pyloop::PyRef plain_cookies(PyObject* field);

}  // namespace data_bridge::bridge
