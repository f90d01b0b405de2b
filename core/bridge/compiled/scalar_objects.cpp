#include "bridge/compiled/scalar_objects.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "pyloop/py_ref.hpp"
#include "text/characters.hpp"

// The macros of this header cast as C does.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#include <datetime.h>

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

void append_digits(std::string& out, int number, std::size_t width) {
  std::array<char, 8> digits{};
  for (std::size_t i = width; i-- > 0; number /= 10) digits[i] = static_cast<char>('0' + number % 10);
  out.append(digits.data(), width);
}

void append_day(std::string& out, PyObject* date) {
  append_digits(out, PyDateTime_GET_YEAR(date), 4);
  out.push_back('-');
  append_digits(out, PyDateTime_GET_MONTH(date), 2);
  out.push_back('-');
  append_digits(out, PyDateTime_GET_DAY(date), 2);
}

bool append_datetime(std::string& out, PyObject* value) {
  PyObject* const zone = PyDateTime_DATE_GET_TZINFO(value);
  if (zone != Py_None && zone != PyDateTime_TimeZone_UTC) return false;  // only its own code knows the offset
  out.push_back('"');
  append_day(out, value);
  out.push_back('T');
  append_digits(out, PyDateTime_DATE_GET_HOUR(value), 2);
  out.push_back(':');
  append_digits(out, PyDateTime_DATE_GET_MINUTE(value), 2);
  out.push_back(':');
  append_digits(out, PyDateTime_DATE_GET_SECOND(value), 2);
  if (const int microseconds = PyDateTime_DATE_GET_MICROSECOND(value); microseconds != 0) {
    out.push_back('.');
    append_digits(out, microseconds, 6);
  }
  out.append(zone == Py_None ? "\"" : "Z\"");
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
  const std::array<std::uint64_t, 2> halves{PyLong_AsUnsignedLongLongMask(upper.get()),
                                            PyLong_AsUnsignedLongLongMask(number.get())};
  std::array<char, 38> text{};
  char* to = text.data();
  *to++ = '"';
  for (unsigned digit = 0; digit < 32; ++digit) {
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) *to++ = '-';
    *to++ = text::kHexDigits[halves[digit / 16] >> (60 - 4 * (digit % 16)) & 15U];
  }
  *to = '"';
  out.append(text.data(), text.size());
  return true;
}

bool append_decimal(std::string& out, PyObject* value) {
  const PyRef str = PyRef::steal(PyObject_Str(value));
  Py_ssize_t size = 0;
  const char* const characters = str ? PyUnicode_AsUTF8AndSize(str.get(), &size) : nullptr;
  if (characters == nullptr) {
    PyErr_Clear();
    return false;
  }
  const std::string_view text(characters, static_cast<std::size_t>(size));
  if (text.find_first_of("NnIi") != std::string_view::npos) return false;  // NaN, sNaN, Infinity
  out.push_back('"');
  out.append(text);
  out.push_back('"');
  return true;
}

PyObject* class_of(const char* module, const char* name) {
  const PyRef imported = PyRef::steal(PyImport_ImportModule(module));
  PyObject* const found = imported ? PyObject_GetAttrString(imported.get(), name) : nullptr;
  PyErr_Clear();
  return found;
}

}  // namespace

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
    append_day(out, value);
    out.push_back('"');
    return true;
  }
  if (type == uuid) return append_uuid(out, value);
  return type == decimal && append_decimal(out, value);
}

}  // namespace data_bridge::bridge

#pragma GCC diagnostic pop
