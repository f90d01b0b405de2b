// The coroutine of a compiled route: FastAPI's request handler without its frames.
#pragma once

#include <Python.h>

#include <memory>

#include "bridge/compiled/door.hpp"
#include "bridge/compiled/plan.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Makes the type and registers it as a collections.abc.Coroutine. False with an exception set on failure.
bool ready_frame_type();

/// A coroutine that runs the program of `plan` for the request behind `door` (see Execution), all of it in the task
/// and the Context of whoever awaits it. `door` and `plan` must live until it has ended, or was abandoned.
pyloop::PyRef make_frame(Door& door, const RoutePlan& plan);
/// The same, which keeps its door; the door keeps the plan.
pyloop::PyRef make_frame(std::unique_ptr<Door> door, const RoutePlan& plan);
/// Its call is over: who still has the coroutine finds it exhausted.
void abandon_frame(PyObject* coroutine) noexcept;

}  // namespace data_bridge::bridge
