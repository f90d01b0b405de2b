// Python's scalars as JSON.
#pragma once

#include <Python.h>

#include <string>

namespace data_bridge::bridge {

/// Appends the JSON of a str. False, with no exception set, for one with a lone surrogate, which has no UTF-8.
bool append_str(std::string& out, PyObject* str);
/// The same of an int. False for one beyond 64 bits.
bool append_int(std::string& out, PyObject* number);
/// What JSON has no type for, as Pydantic writes it: appends the JSON of a datetime, date, UUID or Decimal, of exactly
/// these types. False, with `out` ending anywhere and no exception set, for a datetime whose time zone is of a class
/// other than datetime.timezone, zoneinfo.ZoneInfo and pydantic_core.TzInfo or off UTC by a part of a minute, a Decimal
/// that is not finite, and anything else.
bool append_scalar_object(std::string& out, PyObject* value);

}  // namespace data_bridge::bridge
