#include "bridge/compiled/scalar_objects.hpp"

#include <cstdint>
#include <optional>

#include "json/writer.hpp"
#include "pyloop/py_ref.hpp"
#include "schema/datetime.hpp"
#include "text/uuid.hpp"

// The macros of this header cast as C does.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#include <datetime.h>

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

PyObject* class_of(const char* module, const char* name) {
  const PyRef imported = PyRef::steal(PyImport_ImportModule(module));
  PyObject* const found = imported ? PyObject_GetAttrString(imported.get(), name) : nullptr;
  PyErr_Clear();
  return found;
}

schema::Datetime date_of(PyObject* date) {
  return {.year = PyDateTime_GET_YEAR(date),
          .month = static_cast<std::uint8_t>(PyDateTime_GET_MONTH(date)),
          .day = static_cast<std::uint8_t>(PyDateTime_GET_DAY(date)),
          .utc_offset = {}};
}

/// What `zone` says of `object`, in seconds. None, with no exception set, where it is not a whole minute, for which
/// each release of Pydantic has a form of its own, and where a class of the application says it.
std::optional<std::int32_t> utc_offset(PyObject* object, PyObject* zone) {
  if (zone == PyDateTime_TimeZone_UTC) return 0;
  static const PyObject* const fixed = reinterpret_cast<PyObject*>(Py_TYPE(PyDateTime_TimeZone_UTC));
  static const PyObject* const parsed = class_of("pydantic_core", "TzInfo");
  static const PyObject* const named = class_of("zoneinfo", "ZoneInfo");
  const auto* const type = reinterpret_cast<PyObject*>(Py_TYPE(zone));
  if (type != fixed && type != parsed && type != named) return std::nullopt;
  static PyObject* const name = PyUnicode_InternFromString("utcoffset");
  const PyRef delta = PyRef::steal(PyObject_CallMethodOneArg(zone, name, object));
  if (!delta || !PyDelta_Check(delta.get())) {
    PyErr_Clear();
    return std::nullopt;
  }
  const std::int32_t seconds =
      PyDateTime_DELTA_GET_DAYS(delta.get()) * 86'400 + PyDateTime_DELTA_GET_SECONDS(delta.get());
  if (seconds % 60 != 0 || PyDateTime_DELTA_GET_MICROSECONDS(delta.get()) != 0) return std::nullopt;
  return seconds;
}

bool append_datetime(std::string& out, PyObject* object) {
  schema::Datetime value = date_of(object);
  if (PyObject* const zone = PyDateTime_DATE_GET_TZINFO(object); zone != Py_None) {
    value.utc_offset = utc_offset(object, zone);
    if (!value.utc_offset) return false;
  }
  value.hour = static_cast<std::uint8_t>(PyDateTime_DATE_GET_HOUR(object));
  value.minute = static_cast<std::uint8_t>(PyDateTime_DATE_GET_MINUTE(object));
  value.second = static_cast<std::uint8_t>(PyDateTime_DATE_GET_SECOND(object));
  value.microsecond = static_cast<std::uint32_t>(PyDateTime_DATE_GET_MICROSECOND(object));
  out.push_back('"');
  schema::append_datetime(out, value);
  out.push_back('"');
  return true;
}

bool append_uuid(std::string& out, PyObject* value) {
  static PyObject* const name = PyUnicode_InternFromString("int");
  static PyObject* const half = PyLong_FromLong(64);
  const PyRef number = PyRef::steal(PyObject_GenericGetAttr(value, name));
  if (!number || !PyLong_CheckExact(number.get())) {
    PyErr_Clear();
    return false;
  }
  const PyRef upper = PyRef::steal(PyNumber_Rshift(number.get(), half));
  const text::UuidText text =
      text::format_uuid(PyLong_AsUnsignedLongLongMask(upper.get()), PyLong_AsUnsignedLongLongMask(number.get()));
  out.push_back('"');
  out.append(text.data(), text.size());
  out.push_back('"');
  return true;
}

bool append_decimal(std::string& out, PyObject* value) {
  const PyRef str = PyRef::steal(PyObject_Str(value));
  if (!str) {
    PyErr_Clear();
    return false;
  }
  const std::size_t start = out.size();
  // NaN, sNaN and Infinity are Pydantic's.
  return append_str(out, str.get()) && out.find_first_of("NnIi", start) == std::string::npos;
}

}  // namespace

bool append_str(std::string& out, PyObject* str) {
  Py_ssize_t size = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(str, &size);
  if (text == nullptr) {
    PyErr_Clear();
    return false;
  }
  json::append_string(out, {text, static_cast<std::size_t>(size)});
  return true;
}

bool append_int(std::string& out, PyObject* number) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (overflow != 0) return false;
  json::append_int(out, value);
  return true;
}

bool append_scalar_object(std::string& out, PyObject* value) {
  if (PyDateTimeAPI == nullptr) PyDateTime_IMPORT;
  static const PyObject* const uuid = class_of("uuid", "UUID");
  static const PyObject* const decimal = class_of("decimal", "Decimal");
  if (PyDateTimeAPI == nullptr) {
    PyErr_Clear();
    return false;
  }
  const auto* const type = reinterpret_cast<PyObject*>(Py_TYPE(value));
  if (PyDateTime_CheckExact(value)) return append_datetime(out, value);
  if (PyDate_CheckExact(value)) {
    out.push_back('"');
    schema::append_date(out, date_of(value));
    out.push_back('"');
    return true;
  }
  if (type == uuid) return append_uuid(out, value);
  return type == decimal && append_decimal(out, value);
}

}  // namespace data_bridge::bridge

#pragma GCC diagnostic pop
