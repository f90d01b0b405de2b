// The coroutine of a compiled route: FastAPI's request handler without its frames.
#pragma once

#include <Python.h>

#include <vector>

#include "bridge/compiled/plan.hpp"
#include "bridge/run.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Makes the type and registers it as a collections.abc.Coroutine. False with an exception set on failure.
bool ready_frame_type();

/// A coroutine that calls the endpoint, validates and serialises what it returns, and answers `run`.
/// An exception, or a response that does more than carry bytes, is handed to plan.finish in the
/// same coroutine, hence in the same task and Context. `run` and `plan` must live until it has ended, or was
/// abandoned.
pyloop::PyRef make_frame(Run& run, const RoutePlan& plan, std::vector<pyloop::PyRef> arguments);
/// Its call is over: who still has the coroutine finds it exhausted.
void abandon_frame(PyObject* coroutine) noexcept;

}  // namespace data_bridge::bridge
