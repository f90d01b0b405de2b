// Objects of Python's standard library that JSON has no type for, as Pydantic writes them.
#pragma once

#include <Python.h>

#include <string>

namespace data_bridge::bridge {

/// Appends the JSON of a datetime, date, UUID or Decimal, of exactly these types. False, with `out` ending anywhere and
/// no exception set, for a datetime whose time zone is another than datetime.timezone.utc or none, a Decimal that is
/// not finite, and anything else.
bool append_scalar_object(std::string& out, PyObject* value);

}  // namespace data_bridge::bridge
