// The type object HandlerTask: what a task answers before Task.__init__ has run.
#pragma once

#include <Python.h>

#include "pyloop/handler_task.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::pyloop {

/// Behind the fields of _asyncio.Task.
struct HandlerTaskFields {
  PyObject* loop;
  PyObject* coroutine;
  PyObject* context;
  /// Of Task.__init__: what it was given as coroutine, and the first step, which drive() runs.
  PyObject* adopted;
  PyObject* step;
  /// Still to be told; null once it was.
  Completion* completion;
  /// Task.__init__ has run.
  bool is_task;
};

[[nodiscard]] bool is_handler_task(PyObject* object) noexcept;
[[nodiscard]] HandlerTaskFields& handler_task_fields(PyObject* self) noexcept;
/// One with all fields null; empty with an exception.
[[nodiscard]] PyRef new_handler_task() noexcept;
/// Takes back one that never became a task and that nobody else holds.
void retire_handler_task(PyRef task) noexcept;
/// Calls Task.__init__(self, coroutine, loop=loop, context=context).
[[nodiscard]] bool initialise_task(PyObject* self, PyObject* coroutine, PyObject* loop, PyObject* context);
/// asyncio.CancelledError, borrowed.
[[nodiscard]] PyObject* cancelled_error() noexcept;
/// asyncio.iscoroutine(); false with TypeError.
[[nodiscard]] bool is_coroutine(PyObject* object);

/// Makes a real Task of `self`; harmless for one that is. False with an exception. (handler_task.cpp)
[[nodiscard]] bool materialise(PyObject* self);

int register_handler_task_type(PyObject* module);
int register_driving();

}  // namespace data_bridge::pyloop
