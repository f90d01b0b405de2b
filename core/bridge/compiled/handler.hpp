// A route's program in the place of FastAPI's request handler, within code that somebody has put around it.
#pragma once

#include <Python.h>

#include <memory>

#include "bridge/compiled/plan.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// `async (request) -> Response`, raising what FastAPI's own handler raises: get_route_handler() of subclasses of
/// APIRoute, and monitoring tools, have one in their hands. With the GIL.
class CompiledHandler {
 public:
  /// `original`: FastAPI's, for requests that are read in their own way.
  CompiledHandler(RoutePlan plan, PyObject* original);

  /// An awaitable; empty with an exception set on failure.
  pyloop::PyRef call(PyObject* request);

  int traverse(visitproc visit, void* arg) const;
  void clear() noexcept { original_.reset(); }

 private:
  std::shared_ptr<const RoutePlan> plan_;
  pyloop::PyRef original_;
};

}  // namespace data_bridge::bridge
