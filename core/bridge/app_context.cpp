// Construction of the application context.
#include "bridge/app_context.hpp"

#include <nanobind/nanobind.h>

#include <utility>

namespace data_bridge::bridge {

namespace {

pyloop::LoopCore& core_of(PyObject* loop) {
  auto* core = pyloop::LoopCore::from_object(loop);
  if (core == nullptr) throw nanobind::python_error();
  return *core;
}

}  // namespace

AppContext::AppContext(PyObject* loop_object, PyObject* asgi_app, PyObject* state_dict, std::string root_path_,
                       Hooks hooks_, runtime::Admission::Bound waiting_bound,
                       std::chrono::milliseconds request_timeout_, const http::ws::Options& websocket_)
    : loop(pyloop::PyRef::borrow(loop_object)),
      core(core_of(loop_object)),
      mailbox(core.mailbox()),
      app(pyloop::PyRef::borrow(asgi_app)),
      state(pyloop::PyRef::borrow(state_dict)),
      root_path(std::move(root_path_)),
      hooks(std::move(hooks_)),
      request_timeout(request_timeout_),
      websocket(std::make_shared<const http::ws::Options>(websocket_)),
      waiting(waiting_bound) {}

void AppContext::release_application() noexcept {
  app.reset();
  outer_way = {};
  state.reset();
  hooks = {};
}

}  // namespace data_bridge::bridge
