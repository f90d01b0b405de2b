// What C++ may pass to a spawned coroutine function, and how it becomes Python objects on the loop's thread.
#pragma once

#include <Python.h>

#include <concepts>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "pyloop/py_ref.hpp"
#include "pyloop/shared_object.hpp"

namespace data_bridge::pyloop {

/// Makes the tuple of positional arguments; empty with an exception. Called at most once, on the loop's thread with
/// the GIL; destroyed on any thread.
using SpawnArguments = std::move_only_function<PyRef()>;

// A new reference, or null with an exception. Another type takes part by a to_python() in its own namespace.
inline PyObject* to_python(std::nullptr_t) noexcept { return Py_NewRef(Py_None); }
inline PyObject* to_python(const SharedObject& object) noexcept { return Py_NewRef(object ? object.get() : Py_None); }
/// str; the bytes must be UTF-8, or the coroutine fails with UnicodeDecodeError.
inline PyObject* to_python(const std::string& text) noexcept {
  return PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr);
}
/// bytes
inline PyObject* to_python(const std::vector<std::byte>& bytes) noexcept {
  return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(bytes.data()), static_cast<Py_ssize_t>(bytes.size()));
}
template <typename T>
  requires std::is_arithmetic_v<T>
PyObject* to_python(T value) noexcept {
  if constexpr (std::same_as<T, bool>) {
    return PyBool_FromLong(value);
  } else if constexpr (std::floating_point<T>) {
    return PyFloat_FromDouble(static_cast<double>(value));
  } else if constexpr (std::unsigned_integral<T>) {
    return PyLong_FromUnsignedLongLong(value);
  } else {
    return PyLong_FromLongLong(value);
  }
}

template <typename T>
concept ToPython = requires(const T& value) {
  { to_python(value) } -> std::same_as<PyObject*>;
};

/// How an argument is kept until the loop takes it up: text by value, whatever it was given as.
template <typename T>
using Kept = std::conditional_t<std::is_convertible_v<T, std::string_view>, std::string, std::decay_t<T>>;

template <typename... Args>
  requires(ToPython<Kept<Args>> && ...)
[[nodiscard]] SpawnArguments keep_arguments(Args&&... args) {
  return [kept = std::tuple<Kept<Args>...>(Kept<Args>(std::forward<Args>(args))...)] {
    PyRef tuple = PyRef::steal(PyTuple_New(sizeof...(Args)));
    Py_ssize_t index = 0;
    const auto put = [&](const auto& value) {
      PyObject* object = tuple ? to_python(value) : nullptr;
      if (object == nullptr) {
        tuple.reset();
      } else {
        PyTuple_SET_ITEM(tuple.get(), index++, object);
      }
    };
    std::apply([&](const auto&... values) { (put(values), ...); }, kept);
    return tuple;
  };
}

}  // namespace data_bridge::pyloop
