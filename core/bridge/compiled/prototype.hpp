// Instances of the frameworks' classes, as their constructors make them, without running these.
#pragma once

#include <Python.h>

#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Makes the type; false with a Python exception set on failure. Once per process.
bool ready_prototype_type();

/// A callable in the place of `make`: what it gives has the classes and attributes that `nodes` tell.
///
/// nodes: a list of tuples, each of which makes one object from earlier ones; the last is what the call gives:
///
/// - ("shared", object): that object;
/// - ("given", index): a positional argument of the call;
/// - ("new", type): an empty list, deque, ...;
/// - ("instance", class, ((name, index of a node), ...)): of a class whose __new__ and __setattr__ are object's.
///
/// `make` is called itself from the first call on at which one of the classes, or a base of one, has been changed, and
/// for calls with other than `given` positional arguments. Empty with an exception set where `nodes` are not as above.
pyloop::PyRef make_prototype(PyObject* make, PyObject* nodes, Py_ssize_t given);

}  // namespace data_bridge::bridge
