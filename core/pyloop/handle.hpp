// Handle and TimerHandle: a scheduled callback with its arguments inside.
#pragma once

#include <Python.h>

#include "pyloop/loop_state.hpp"

namespace data_bridge::pyloop {

/// Behind the inherited fields of asyncio.Handle or asyncio.TimerHandle, which stay empty: those classes have
/// slots, so a C type can be an instance of them only by deriving from them.
struct HandleFields {
  static constexpr Py_ssize_t kInlineArgs = 3;

  PyObject* callback;
  PyObject* context;
  PyObject* loop;
  PyObject* source_traceback;
  PyObject* repr;
  /// Arguments inside, or -1: args[0] is a tuple of them.
  Py_ssize_t nargs;
  /// scratch lies before args: a bound method puts its self there (PY_VECTORCALL_ARGUMENTS_OFFSET).
  PyObject* scratch;
  PyObject* args[kInlineArgs];
  double when;
  bool cancelled;
  bool scheduled;
  /// While the callback runs it keeps its arguments, even if it cancels its own handle.
  bool running;
};

/// Whether the cyclic garbage collector knows of a handle. What waits in the queue of a running loop is alive in any
/// case; with thousands waiting, looking at them again and again was a third of their cost.
enum class Collector : bool { kHidden, kShown };

/// Null with an exception. `context` is null for a copy of the current one.
[[nodiscard]] PyObject* new_handle(PyObject* loop, PyObject* callback, PyObject* const* args, Py_ssize_t nargs,
                                   PyObject* context, Collector collector);
[[nodiscard]] PyObject* new_timer_handle(PyObject* loop, double when, PyObject* callback, PyObject* const* args,
                                         Py_ssize_t nargs, PyObject* context);

/// The fields of one of ours; null for any other object, such as an asyncio.Handle made by inherited code.
[[nodiscard]] HandleFields* handle_fields(PyObject* handle) noexcept;

/// Ends Collector::kHidden. Of any handle.
void show_to_collector(PyObject* handle) noexcept;
/// Drops the queue's reference; a handle that somebody else has kept is shown. Of any handle.
void release_handle(PyObject* handle) noexcept;

/// Drops callback and arguments. Of any handle; exceptions of a foreign one are reported as unraisable.
void cancel_handle(PyObject* handle) noexcept;
/// Of any handle.
[[nodiscard]] bool handle_cancelled(PyObject* handle) noexcept;
/// Calls the callback in its Context. False with SystemExit or KeyboardInterrupt set; everything else went to
/// the loop's exception handler.
[[nodiscard]] bool run_handle(PyObject* handle);

int register_handles(PyObject* module);

}  // namespace data_bridge::pyloop
