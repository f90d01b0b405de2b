// The compiled routes in the place of an application's own router, innermost in its middleware.
#pragma once

#include <Python.h>

#include <memory>

#include "bridge/app_context.hpp"
#include "bridge/compiled/door.hpp"
#include "bridge/compiled/watch.hpp"
#include "pyloop/py_ref.hpp"
#include "routing/route_table.hpp"

namespace data_bridge::bridge {

/// An ASGI application: what Router.middleware_stack is replaced by. Requests of compiled routes run their programs
/// and answer through `send`; all else goes to what was there before. With the GIL, on the loop's thread.
class InnerRouter {
 public:
  InnerRouter(std::shared_ptr<AppContext> app, PyObject* original, PyObject* still_valid);

  /// As Server's.
  [[nodiscard]] const std::shared_ptr<PlanGuard>& guard() const noexcept { return guard_; }
  [[nodiscard]] const std::shared_ptr<AppContext>& app() const noexcept { return app_; }
  void set_table(std::shared_ptr<const routing::RouteTable> table) noexcept { table_ = std::move(table); }
  /// An awaitable of the answer; empty with an exception set on failure.
  pyloop::PyRef call(PyObject* scope, PyObject* receive, PyObject* send);
  /// The same for the application's middleware, in the place of FastAPI's layers behind it; empty without an exception
  /// where those are to be called.
  pyloop::PyRef from_middleware(PyObject* scope, PyObject* receive, PyObject* send);
  /// Their own call; None: there is nothing in their place.
  void set_layers(PyObject* original) noexcept;
  /// From now on everything goes to the original; what is watched, this among it, is let go.
  void close() noexcept;

  int traverse(visitproc visit, void* arg) const;
  void clear() noexcept {
    original_.reset();
    layers_.reset();
  }

 private:
  pyloop::PyRef compiled(PyObject* scope, PyObject* receive, PyObject* send, Door::Around around);

  std::shared_ptr<AppContext> app_;
  std::shared_ptr<PlanGuard> guard_;
  pyloop::PyRef original_;
  pyloop::PyRef layers_;
  std::shared_ptr<const routing::RouteTable> table_;
};

}  // namespace data_bridge::bridge
