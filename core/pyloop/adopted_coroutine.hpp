// What a Task sees as its coroutine when that coroutine had already been stepped before the Task existed.
#pragma once

#include <Python.h>

#include <cstdint>

#include "pyloop/handler_task.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::pyloop {

/// How the step that was made without a Task ended.
enum class StepOutcome : std::uint8_t {
  kNone,      // nothing to hand over any more
  kYielded,   // suspended; the value is what it awaits
  kReturned,  // finished; the value is its result
  kRaised,    // finished; the value is the exception
};

/// A new wrapper of `coroutine`; null with an exception.
[[nodiscard]] PyObject* adopt_coroutine(PyObject* coroutine);
/// From now on the wrapper tells `completion`, which contains(), how the coroutine ended, and returns None itself.
void set_containing(PyObject* adopted, Completion& completion) noexcept;
/// The completion that is still to be told; null where there is none. The wrapper forgets it.
[[nodiscard]] Completion* take_containing(PyObject* adopted) noexcept;
[[nodiscard]] bool has_containing(PyObject* adopted) noexcept;
/// The first send() or throw() of the wrapper hands this over; afterwards it is transparent.
void set_outcome(PyObject* adopted, StepOutcome outcome, PyRef value) noexcept;

int register_adopted_coroutine();

}  // namespace data_bridge::pyloop
