// The methods of LoopBase that shadow asyncio's: scheduling, clock, turns, readers and writers.
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <new>
#include <utility>

#include "pyloop/handle.hpp"
#include "pyloop/handler_task.hpp"
#include "pyloop/loop_futures.hpp"
#include "pyloop/loop_type.hpp"

namespace data_bridge::pyloop {

namespace {

bool check_open(const LoopState& state) {
  if (!state.closed) return true;
  PyErr_SetString(PyExc_RuntimeError, "Event loop is closed");
  return false;
}

// `context=` is the only keyword; null with no exception where it is missing.
bool context_keyword(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, const char* method,
                     PyObject*& context) {
  context = nullptr;
  if (kwnames == nullptr) return true;
  // Interned, as the keywords of calls in code are.
  static PyObject* const name_context = PyUnicode_InternFromString("context");
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); ++i) {
    PyObject* name = PyTuple_GET_ITEM(kwnames, i);
    if (name != name_context && PyUnicode_CompareWithASCIIString(name, "context") != 0) {
      PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument %R", method, name);
      return false;
    }
    context = args[nargs + i];
  }
  return true;
}

bool check_debug(PyObject* self, PyObject* callback, const char* method, bool thread) {
  if (thread && !PyRef::steal(PyObject_CallMethod(self, "_check_thread", nullptr))) return false;
  return static_cast<bool>(PyRef::steal(PyObject_CallMethod(self, "_check_callback", "Os", callback, method)));
}

bool missing(const char* method, const char* what) {
  PyErr_Format(PyExc_TypeError, "%s() missing 1 required positional argument: '%s'", method, what);
  return false;
}

PyObject* schedule(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, const char* method,
                   bool threadsafe) {
  LoopState& state = LoopState::of(self);
  PyObject* context = nullptr;
  if (nargs < 1 && !missing(method, "callback")) return nullptr;
  if (!context_keyword(args, nargs, kwnames, method, context) || !check_open(state)) return nullptr;
  if (state.debug && !check_debug(self, args[0], method, !threadsafe)) return nullptr;
  PyObject* handle =
      new_handle(self, args[0], args + 1, nargs - 1, context, state.running() ? Collector::kHidden : Collector::kShown);
  if (handle == nullptr) return nullptr;
  if (!state.push_ready(handle)) {
    Py_DECREF(handle);
    return PyErr_NoMemory();
  }
  Py_INCREF(handle);
  if (threadsafe) state.wake();
  return handle;
}

PyObject* call_soon(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  LoopState& state = LoopState::of(self);
  if (state.capture.task != nullptr && nargs == 1 && capture_step(state.capture, args[0])) Py_RETURN_NONE;
  return schedule(self, args, nargs, kwnames, "call_soon", false);
}

PyObject* call_soon_threadsafe(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return schedule(self, args, nargs, kwnames, "call_soon_threadsafe", true);
}

PyObject* schedule_at(PyObject* self, double when, PyObject* const* args, Py_ssize_t nargs, PyObject* context) {
  LoopState& state = LoopState::of(self);
  if (!check_open(state)) return nullptr;
  if (state.debug && !check_debug(self, args[0], "call_at", true)) return nullptr;
  PyObject* handle = new_timer_handle(self, when, args[0], args + 1, nargs - 1, context);
  if (handle == nullptr) return nullptr;
  try {
    state.push_timer(when, handle);
  } catch (const std::bad_alloc&) {
    Py_DECREF(handle);
    return PyErr_NoMemory();
  }
  return Py_NewRef(handle);
}

PyObject* call_at(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* context = nullptr;
  if (nargs < 1 && !missing("call_at", "when")) return nullptr;
  if (nargs < 2 && !missing("call_at", "callback")) return nullptr;
  if (!context_keyword(args, nargs, kwnames, "call_at", context)) return nullptr;
  if (args[0] == Py_None) {
    PyErr_SetString(PyExc_TypeError, "when cannot be None");
    return nullptr;
  }
  const double when = PyFloat_AsDouble(args[0]);
  if (when == -1.0 && PyErr_Occurred() != nullptr) return nullptr;
  return schedule_at(self, when, args + 1, nargs - 1, context);
}

PyObject* call_later(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* context = nullptr;
  if (nargs < 1 && !missing("call_later", "delay")) return nullptr;
  if (nargs < 2 && !missing("call_later", "callback")) return nullptr;
  if (!context_keyword(args, nargs, kwnames, "call_later", context)) return nullptr;
  if (args[0] == Py_None) {
    PyErr_SetString(PyExc_TypeError, "delay must not be None");
    return nullptr;
  }
  const double delay = PyFloat_AsDouble(args[0]);
  if (delay == -1.0 && PyErr_Occurred() != nullptr) return nullptr;
  double time = 0;
  if (!LoopState::of(self).clock(time)) return nullptr;
  return schedule_at(self, time + delay, args + 1, nargs - 1, context);
}

PyObject* loop_time(PyObject*, PyObject*) { return PyFloat_FromDouble(LoopState::now()); }
PyObject* get_debug(PyObject* self, PyObject*) { return PyBool_FromLong(LoopState::of(self).debug); }
PyObject* is_running(PyObject* self, PyObject*) { return PyBool_FromLong(LoopState::of(self).has_thread); }
PyObject* is_closed(PyObject* self, PyObject*) { return PyBool_FromLong(LoopState::of(self).closed); }

PyObject* check_closed(PyObject* self, PyObject*) {
  if (!check_open(LoopState::of(self))) return nullptr;
  Py_RETURN_NONE;
}

PyObject* stop(PyObject* self, PyObject*) {
  LoopState::of(self).stopping = true;
  Py_RETURN_NONE;
}

PyObject* run_turns(PyObject* self, PyObject*) {
  // A class may have got a time() of its own since the loop was made.
  if (!find_clock(self)) return nullptr;
  if (!LoopState::of(self).run()) return nullptr;
  Py_RETURN_NONE;
}

PyObject* run_one_turn(PyObject* self, PyObject*) {
  if (!LoopState::of(self).run_once()) return nullptr;
  Py_RETURN_NONE;
}

PyObject* begin_nested(PyObject* self, PyObject*) {
  if (LoopState::of(self).begin_nested()) Py_RETURN_NONE;
  LoopState::of(self).end_nested();
  return nullptr;
}

PyObject* end_nested(PyObject* self, PyObject*) {
  LoopState::of(self).end_nested();
  Py_RETURN_NONE;
}

PyObject* begin_guest(PyObject* self, PyObject*) {
  if (!find_clock(self)) return nullptr;
  LoopState::of(self).begin_guest();
  return PyLong_FromLong(LoopState::of(self).reactor().fd());
}

PyObject* end_guest(PyObject* self, PyObject*) {
  LoopState::of(self).end_guest();
  Py_RETURN_NONE;
}

PyObject* guest_turn(PyObject* self, PyObject*) {
  const double seconds = LoopState::of(self).guest_turn();
  return seconds < 0 ? nullptr : PyFloat_FromDouble(seconds);
}

PyObject* guest_flush(PyObject* self, PyObject*) {
  const double seconds = LoopState::of(self).guest_flush();
  return seconds < 0 ? nullptr : PyFloat_FromDouble(seconds);
}

PyObject* add_callback(PyObject* self, PyObject* handle) {
  if (handle_cancelled(handle)) Py_RETURN_NONE;
  PyRef kept = PyRef::borrow(handle);
  if (!LoopState::of(self).push_ready(kept.get())) return PyErr_NoMemory();
  (void)kept.release();
  Py_RETURN_NONE;
}

// A TimerHandle of ours has told the loop itself; asyncio's own class is never in the heap.
PyObject* timer_handle_cancelled(PyObject*, PyObject*) { Py_RETURN_NONE; }

PyObject* write_to_self(PyObject* self, PyObject*) {
  LoopState::of(self).wake();
  Py_RETURN_NONE;
}

// --- readers and writers ----------------------------------------------------------------------------

// As selectors._fileobj_to_fd; -1 with ValueError.
int to_fd(PyObject* file_object) {
  long fd = -1;
  if (PyLong_Check(file_object)) {
    fd = PyLong_AsLong(file_object);
  } else {
    PyRef number = PyRef::steal(PyObject_CallMethod(file_object, "fileno", nullptr));
    if (number) number = PyRef::steal(PyNumber_Long(number.get()));
    if (number) {
      fd = PyLong_AsLong(number.get());
    } else if (PyErr_ExceptionMatches(PyExc_AttributeError) || PyErr_ExceptionMatches(PyExc_TypeError) ||
               PyErr_ExceptionMatches(PyExc_ValueError)) {
      PyErr_Clear();
      PyErr_Format(PyExc_ValueError, "Invalid file object: %R", file_object);
    }
  }
  if (PyErr_Occurred() != nullptr) return -1;
  if (fd < 0 || fd > INT_MAX) {
    PyErr_Format(PyExc_ValueError, "Invalid file descriptor: %ld", fd);
    return -1;
  }
  return static_cast<int>(fd);
}

PyObject* add_watch(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, FdWatches::Side side) {
  LoopState& state = LoopState::of(self);
  const char* method = side == FdWatches::Side::kReader ? "add_reader" : "add_writer";
  PyObject* context = nullptr;  // asyncio's own transports name one since Python 3.15
  if (nargs < 1 && !missing(method, "fd")) return nullptr;
  if (nargs < 2 && !missing(method, "callback")) return nullptr;
  if (!context_keyword(args, nargs, kwnames, method, context) || !check_open(state)) return nullptr;
  const int fd = to_fd(args[0]);
  if (fd < 0) return nullptr;
  PyRef handle = PyRef::steal(new_handle(self, args[1], args + 2, nargs - 2, context, Collector::kShown));
  if (!handle) return nullptr;
  PyObject* file_object = PyLong_Check(args[0]) ? nullptr : args[0];
  try {
    if (std::error_code error = state.watches().set(fd, side, PyRef::borrow(handle.get()), file_object)) {
      errno = error.value();
      return PyErr_SetFromErrno(PyExc_OSError);
    }
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
  return handle.release();
}

PyObject* remove_watch(PyObject* self, PyObject* file_object, FdWatches::Side side) {
  LoopState& state = LoopState::of(self);
  if (state.closed) Py_RETURN_FALSE;
  int fd = to_fd(file_object);
  if (fd < 0) {
    // Closed already: known by identity at most, as in selectors._fileobj_lookup.
    if (!PyErr_ExceptionMatches(PyExc_ValueError)) return nullptr;
    fd = state.watches().find(file_object);
    if (fd < 0) return nullptr;
    PyErr_Clear();
  }
  return PyBool_FromLong(state.watches().remove(fd, side));
}

PyObject* add_reader(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return add_watch(self, args, nargs, kwnames, FdWatches::Side::kReader);
}
PyObject* add_writer(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return add_watch(self, args, nargs, kwnames, FdWatches::Side::kWriter);
}
PyObject* remove_reader(PyObject* self, PyObject* fd) { return remove_watch(self, fd, FdWatches::Side::kReader); }
PyObject* remove_writer(PyObject* self, PyObject* fd) { return remove_watch(self, fd, FdWatches::Side::kWriter); }
PyObject* watched(PyObject* self, PyObject*) { return LoopState::of(self).watches().snapshot().release(); }

PyObject* watch_signals(PyObject* self, PyObject* argument) {
  LoopState& state = LoopState::of(self);
  const int fd = to_fd(argument);
  if (fd < 0) return nullptr;
  if (std::error_code error = state.reactor().add(fd, EPOLLIN, state.signals())) {
    errno = error.value();
    return PyErr_SetFromErrno(PyExc_OSError);
  }
  state.signals().fd = fd;
  Py_RETURN_NONE;
}

PyObject* unwatch_signals(PyObject* self, PyObject*) {
  LoopState& state = LoopState::of(self);
  if (state.signals().fd >= 0) state.reactor().remove(std::exchange(state.signals().fd, -1));
  Py_RETURN_NONE;
}

PyObject* reopen(PyObject* self, PyObject* runs_here) {
  if (const std::error_code error = LoopState::of(self).reopen(runs_here == Py_True)) {
    errno = error.value();
    return PyErr_SetFromErrno(PyExc_OSError);
  }
  Py_RETURN_NONE;
}

PyObject* clear(PyObject* self, PyObject*) {
  LoopState::of(self).clear();
  Py_RETURN_NONE;
}

template <typename Function>
constexpr PyCFunction method(Function function) noexcept {
  // PyMethodDef has one field for functions of every calling convention.
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace

bool find_clock(PyObject* loop) {
  const PyRef time = PyRef::steal(PyObject_GetAttrString(loop, "time"));
  if (!time) return false;
  LoopState::of(loop).native_clock =
      PyCFunction_Check(time.get()) && PyCFunction_GET_FUNCTION(time.get()) == static_cast<PyCFunction>(loop_time);
  return true;
}

PyMethodDef loop_methods[] = {
    {"call_soon", method(call_soon), METH_FASTCALL | METH_KEYWORDS,
     "call_soon($self, callback, /, *args, context=None)\n--\n\nCall `callback` in the next turn; a Handle."},
    {"call_soon_threadsafe", method(call_soon_threadsafe), METH_FASTCALL | METH_KEYWORDS,
     "call_soon_threadsafe($self, callback, /, *args, context=None)\n--\n\nLike call_soon(), from any thread."},
    {"call_later", method(call_later), METH_FASTCALL | METH_KEYWORDS,
     "call_later($self, delay, callback, /, *args, context=None)\n--\n\n"
     "Call `callback` after `delay` seconds, never earlier; a TimerHandle."},
    {"call_at", method(call_at), METH_FASTCALL | METH_KEYWORDS,
     "call_at($self, when, callback, /, *args, context=None)\n--\n\n"
     "Call `callback` when time() has reached `when`; a TimerHandle."},
    {"create_task", method(create_task), METH_FASTCALL | METH_KEYWORDS,
     "create_task($self, coro, /, **kwargs)\n--\n\nSchedule a coroutine; its Task."},
    {"create_future", create_future, METH_NOARGS, "A Future of this loop."},
    {"time", loop_time, METH_NOARGS, "The loop's clock in seconds: time.monotonic()."},
    {"get_debug", get_debug, METH_NOARGS, "True in asyncio's debug mode."},
    {"is_running", is_running, METH_NOARGS, "True while run_forever() runs."},
    {"is_closed", is_closed, METH_NOARGS, "True after close()."},
    {"stop", stop, METH_NOARGS, "Leave run_forever() at the end of this turn."},
    {"_check_closed", check_closed, METH_NOARGS, nullptr},
    {"_run_turns", run_turns, METH_NOARGS, nullptr},
    {"_run_once", run_one_turn, METH_NOARGS, nullptr},
    {"_begin_nested", begin_nested, METH_NOARGS, nullptr},
    {"_end_nested", end_nested, METH_NOARGS, nullptr},
    {"_begin_guest", begin_guest, METH_NOARGS, nullptr},
    {"_end_guest", end_guest, METH_NOARGS, nullptr},
    {"_guest_turn", guest_turn, METH_NOARGS, nullptr},
    {"_guest_flush", guest_flush, METH_NOARGS, nullptr},
    {"_add_callback", add_callback, METH_O, nullptr},
    {"_timer_handle_cancelled", timer_handle_cancelled, METH_O, nullptr},
    {"_write_to_self", write_to_self, METH_NOARGS, nullptr},
    {"_add_reader", method(add_reader), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"_remove_reader", remove_reader, METH_O, nullptr},
    {"_add_writer", method(add_writer), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"_remove_writer", remove_writer, METH_O, nullptr},
    {"_watched", watched, METH_NOARGS, nullptr},
    {"_watch_signals", watch_signals, METH_O, nullptr},
    {"_unwatch_signals", unwatch_signals, METH_NOARGS, nullptr},
    {"_reopen", reopen, METH_O, nullptr},
    {"_clear", clear, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace data_bridge::pyloop
