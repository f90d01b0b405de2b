// What `receive()` and `send(message)` return: an awaitable that tries, waits on a future, tries again.
#pragma once

#include <Python.h>

#include <cstdint>

#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

enum class Attempt : std::uint8_t {
  kDone,   ///< `result` is the value
  kWait,   ///< `result` is an asyncio.Future; try again when it is done
  kError,  ///< a Python exception is set
};

/// What an awaitable does when it is awaited; nothing happens before that, as with a coroutine.
class Operation {
 public:
  virtual Attempt attempt(PyObject* argument, pyloop::PyRef& result) = 0;

 protected:
  ~Operation() = default;
};

/// Makes the type and registers it as a collections.abc.Coroutine, so that asyncio.create_task()
/// takes it. False with an exception set on failure.
bool ready_awaitable_type();

/// A new awaitable of `operation`, which lives in `owner`; null with an exception set on failure.
PyObject* make_awaitable(PyObject* owner, Operation& operation, PyObject* argument);

}  // namespace data_bridge::bridge
