// Whether a class is still what it was.
#pragma once

#include <Python.h>

#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// CPython gives a class another version after each change of it or of a base.
class ClassVersion {
 public:
  ClassVersion() noexcept = default;
  /// As it is now. Not known() where `type` can have no version; an exception is set only where looking failed.
  explicit ClassVersion(PyTypeObject* type) : type_(pyloop::PyRef::borrow(reinterpret_cast<PyObject*>(type))) {
    // A class has a version as soon as an attribute was looked up in it.
    const auto looked_up = pyloop::PyRef::steal(PyObject_GetAttrString(type_.get(), "__init__"));
    if (looked_up) version_ = type->tp_version_tag;
  }

  [[nodiscard]] bool known() const noexcept { return version_ != 0; }
  [[nodiscard]] bool unchanged() const noexcept { return known() && type()->tp_version_tag == version_; }
  int traverse(visitproc visit, void* arg) const {
    Py_VISIT(type_.get());
    return 0;
  }

 private:
  [[nodiscard]] PyTypeObject* type() const noexcept { return reinterpret_cast<PyTypeObject*>(type_.get()); }

  pyloop::PyRef type_;
  unsigned version_ = 0;
};

}  // namespace data_bridge::bridge
