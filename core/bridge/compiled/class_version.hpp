// Whether a class is still what it was.
#pragma once

#include <Python.h>

#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// CPython gives a class another version after each change of it or of a base. 0 where `type` can have none; an
/// exception is set only where looking failed.
[[nodiscard]] inline unsigned class_version(PyTypeObject* type) {
  // A class has a version as soon as an attribute was looked up in it.
  const auto looked_up = pyloop::PyRef::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), "__init__"));
  return looked_up ? type->tp_version_tag : 0;
}

/// `version`: what class_version() has said of `type` before.
[[nodiscard]] inline bool is_unchanged(const PyTypeObject* type, unsigned version) noexcept {
  return version != 0 && type->tp_version_tag == version;
}

}  // namespace data_bridge::bridge
