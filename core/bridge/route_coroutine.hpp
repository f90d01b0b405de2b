// The coroutine of a compiled route: FastAPI's request handler without its frames.
#pragma once

#include <Python.h>

#include <vector>

#include "bridge/call.hpp"
#include "bridge/route_plan.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Makes the type and registers it as a collections.abc.Coroutine. False with an exception set on failure.
bool ready_route_coroutine_type();

/// A coroutine that calls the endpoint, validates and serialises what it returns, and answers `call`.
/// An exception, or a response that does more than carry bytes, is handed to plan.finish in the
/// same coroutine, hence in the same task and Context. `call` and `plan` must live until it has ended, or was
/// abandoned.
pyloop::PyRef make_route_coroutine(Call& call, const RoutePlan& plan, std::vector<pyloop::PyRef> arguments);
/// Its call is over: who still has the coroutine finds it exhausted.
void abandon_route_coroutine(PyObject* coroutine) noexcept;

}  // namespace data_bridge::bridge
