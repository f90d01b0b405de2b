// An owned reference to a Python object.
#pragma once

#include <Python.h>

#include <utility>

namespace data_bridge::pyloop {

/// Owns one reference, or none. Everything but construction of an empty one and moving needs the GIL.
class PyRef {
 public:
  PyRef() noexcept = default;
  ~PyRef() { Py_XDECREF(object_); }
  PyRef(PyRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  PyRef& operator=(PyRef&& other) noexcept {
    if (this != &other) {
      // The old object goes last: its finaliser may look at this reference.
      PyObject* old = std::exchange(object_, std::exchange(other.object_, nullptr));
      Py_XDECREF(old);
    }
    return *this;
  }
  PyRef(const PyRef&) = delete;
  PyRef& operator=(const PyRef&) = delete;

  /// Takes over a new reference, as most of the C-API returns one; null is allowed.
  [[nodiscard]] static PyRef steal(PyObject* object) noexcept { return PyRef(object); }
  /// Adds a reference of its own.
  [[nodiscard]] static PyRef borrow(PyObject* object) noexcept {
    Py_XINCREF(object);
    return PyRef(object);
  }

  [[nodiscard]] PyObject* get() const noexcept { return object_; }
  /// Hands the reference to the caller.
  [[nodiscard]] PyObject* release() noexcept { return std::exchange(object_, nullptr); }
  void reset() noexcept { *this = PyRef(); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  explicit PyRef(PyObject* object) noexcept : object_(object) {}
  PyObject* object_ = nullptr;
};

}  // namespace data_bridge::pyloop
