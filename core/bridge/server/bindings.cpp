// `_core.Server` for python/data_bridge/server.py.
#include "bridge/bindings.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

#include "bridge/asgi/callables.hpp"
#include "bridge/asgi/endpoint.hpp"
#include "bridge/asgi/piece_stream.hpp"
#include "bridge/asgi/scope.hpp"
#include "bridge/compiled/endpoint.hpp"
#include "bridge/compiled/frame.hpp"
#include "bridge/compiled/handler.hpp"
#include "bridge/compiled/inner_router.hpp"
#include "bridge/crud_bindings.hpp"
#include "bridge/server/layer_bindings.hpp"
#include "bridge/server/limits_bindings.hpp"
#include "bridge/server/server.hpp"
#include "bridge/websocket/callables.hpp"
#include "runtime/socket.hpp"

namespace data_bridge::bridge {

namespace nb = nanobind;
using pyloop::PyRef;

namespace {

PyRef owned(const nb::object& object) { return PyRef::borrow(object.ptr()); }

std::shared_ptr<routing::Endpoint> endpoint_of_route(const std::shared_ptr<AppContext>& app,
                                                     const std::shared_ptr<PlanGuard>& guard, nb::handle plan,
                                                     nb::handle operation, std::chrono::milliseconds timeout) {
  if (plan.is_none()) {
    if (!operation.is_none()) return endpoint_of(operation);
    return timeout.count() > 0 ? std::make_shared<AsgiEndpoint>(app, timeout) : nullptr;
  }
  auto read = read_route_plan(plan.ptr());
  if (!read) throw nb::python_error();
  if (!operation.is_none()) read->streams_body = false;  // the operation has read it
  auto compiled = std::make_shared<RouteEndpoint>(app, guard, std::move(*read), timeout);
  return operation.is_none() ? compiled : endpoint_of(operation, std::move(compiled));
}

RouteEntry read_entry(const std::shared_ptr<AppContext>& app, const std::shared_ptr<PlanGuard>& guard,
                      nb::handle source) {
  const auto entry = nb::cast<nb::tuple>(source);
  if (entry.size() != 7) throw nb::value_error("a route is (path, methods, plan, operation, opaque, allow, timeout)");
  const auto timeout = read_seconds(nb::cast<double>(entry[6]));
  return {.path = nb::cast<std::string>(entry[0]),
          .methods = nb::cast<std::vector<std::string>>(entry[1]),
          .endpoint = endpoint_of_route(app, guard, entry[2], entry[3], timeout),
          .opaque = nb::cast<bool>(entry[4]),
          .allow = nb::cast<std::string>(entry[5]),
          .compiled = !entry[2].is_none() && entry[3].is_none()};
}

/// Begins a generation of `guard`, and reads what was compiled for it.
std::vector<RouteEntry> read_entries(const std::shared_ptr<AppContext>& app, const std::shared_ptr<PlanGuard>& guard,
                                     const nb::list& routes, const nb::list& attributes, const nb::list& lists) {
  if (!guard->begin_generation(attributes.ptr(), lists.ptr())) throw nb::python_error();
  std::vector<RouteEntry> entries;
  entries.reserve(routes.size());
  for (nb::handle route : routes) entries.push_back(read_entry(app, guard, route));
  return entries;
}

template <typename T>
int traverse_instance(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(object));
  return nb::inst_ready(object) ? nb::inst_ptr<T>(object)->traverse(visit, arg) : 0;
}

template <typename T>
int clear_instance(PyObject* object) {
  nb::inst_ptr<T>(object)->clear();
  return 0;
}

template <typename T>
PyType_Slot* collected() {
  static PyType_Slot slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(traverse_instance<T>)},
                                {Py_tp_clear, reinterpret_cast<void*>(clear_instance<T>)},
                                {0, nullptr}};
  return slots;
}

void bind_handler(nb::module_& module) {
  nb::class_<CompiledHandler>(module, "CompiledHandler", nb::type_slots(collected<CompiledHandler>()),
                              "A route's program as FastAPI's request handler: (request) -> awaitable of the Response.")
      .def("__init__",
           [](CompiledHandler* self, nb::handle plan, nb::handle original) {
             auto read = read_route_plan(plan.ptr());
             if (!read) throw nb::python_error();
             new (self) CompiledHandler(std::move(*read), original.ptr());
           })
      .def("__call__", [](CompiledHandler& self, nb::handle request) {
        PyRef awaitable = self.call(request.ptr());
        if (!awaitable) throw nb::python_error();
        return nb::steal(awaitable.release());
      });
}

void bind_inner_router(nb::module_& module) {
  nb::class_<InnerRouter>(module, "InnerRouter", nb::type_slots(collected<InnerRouter>()),
                          "Compiled routes in the place of a Router's middleware_stack: an ASGI application.")
      .def("__call__",
           [](InnerRouter& self, nb::handle scope, nb::handle receive, nb::handle send) {
             PyRef awaitable = self.call(scope.ptr(), receive.ptr(), send.ptr());
             if (!awaitable) throw nb::python_error();
             return nb::steal(awaitable.release());
           })
      .def("from_middleware",
           [](InnerRouter& self, nb::handle scope, nb::handle receive, nb::handle send) {
             PyRef awaitable = self.from_middleware(scope.ptr(), receive.ptr(), send.ptr());
             return awaitable ? nb::steal(awaitable.release()) : nb::none();
           })
      .def(
          "set_layers", [](InnerRouter& self, nb::handle original) { self.set_layers(original.ptr()); },
          nb::arg("original").none())
      .def("set_routes",
           [](InnerRouter& self, const nb::list& routes, const nb::list& attributes, const nb::list& lists) {
             self.set_table(
                 build_table(read_entries(self.app(), self.guard(), routes, attributes, lists), {}, nullptr, nullptr));
           })
      .def("close", &InnerRouter::close);
}

// The message of a std::runtime_error becomes an OSError: an address is in use, or not ours.
template <typename Function>
auto as_os_error(Function function) {
  try {
    return function();
  } catch (const std::runtime_error& error) {
    PyErr_SetString(PyExc_OSError, error.what());
    throw nb::python_error();
  }
}

}  // namespace

void bind_server(nb::module_& module) {
  if (!ready_asgi_types() || !ready_piece_stream_type() || !ready_websocket_types() || !ready_frame_type())
    throw nb::python_error();
  module.attr("ClientDisconnected") = nb::borrow(client_disconnected_type());
  module.def(
      "has_begun", [](nb::handle send) { return has_begun(send.ptr()); }, nb::arg("send"),
      "Whether an answer was begun by this `send` of an HTTP request, even if that failed.");
  module.def(
      "is_asgi_send", [](nb::handle object) { return is_send(object.ptr()); }, nb::arg("send"),
      "Whether this is the very `send` that a server has called its application with.");
  module.def(
      "send_pieces",
      [](nb::handle response, nb::handle send) {
        if (!is_send(send.ptr())) throw nb::type_error("`send` is not a server's own");
        pyloop::PyRef stream = make_piece_stream(response.ptr(), send.ptr());
        if (!stream) throw nb::python_error();
        return nb::steal(stream.release());
      },
      nb::arg("response"), nb::arg("send"),
      "A coroutine that sends what `response.body_iterator` yields, as starlette's StreamingResponse does; `send` must "
      "be a server's own, see is_asgi_send().");
  module.def(
      "pathsend_extension",
      [] {
        PyObject* const extension = pathsend_extension();
        if (extension == nullptr) throw nb::python_error();
        return nb::borrow(extension);
      },
      "What stands for http.response.pathsend in the extensions of a server's scopes: always the same dict.");
  bind_limits(module);
  bind_layers(module);
  bind_handler(module);
  bind_inner_router(module);
  nb::class_<Server>(module, "Server", "The native half of one server process; see data_bridge.server.Server.")
      .def(
          "__init__",
          [](Server* self, const nb::object& loop, const nb::object& app, const nb::dict& state,
             const std::string& root_path, const nb::object& report_exception, const nb::object& report_protocol,
             const nb::object& apply_proxy_headers, const nb::object& await_any, const nb::object& report_refused,
             const nb::object& log_access, const nb::object& log_websocket, const nb::object& report_answers,
             const nb::object& still_valid, unsigned io_threads, bool access_log, bool trusts_proxies,
             bool count_answers, std::size_t limit_concurrency, bool server_header, bool date_header,
             std::vector<std::pair<std::string, std::string>> headers, bool legacy_reason_phrases,
             const ServerLimits& limits, bool pathsend) {
            ServerSettings settings;
            settings.io_threads = io_threads;
            settings.access_log = access_log;
            settings.count_answers = count_answers;
            settings.limit_concurrency = limit_concurrency;
            settings.http.headers = std::move(headers);
            settings.http.server_header = server_header;
            settings.http.date_header = date_header;
            settings.http.legacy_reason_phrases = legacy_reason_phrases;
            settings.http.limits = limits.http;
            settings.http.limits.sweep_interval = fitting_sweep_interval(limits);
            settings.max_waiting = limits.waiting;
            Hooks hooks{.report_exception = owned(report_exception),
                        .report_protocol = owned(report_protocol),
                        .apply_proxy_headers = owned(apply_proxy_headers),
                        .await_any = owned(await_any),
                        .report_refused = owned(report_refused),
                        .log_access = owned(log_access),
                        .log_websocket = owned(log_websocket),
                        .report_answers = owned(report_answers)};
            auto context = std::make_unique<AppContext>(loop.ptr(), app.ptr(), state.ptr(), root_path, std::move(hooks),
                                                        settings.max_waiting, limits.request_timeout, limits.websocket);
            context->announces_pathsend = pathsend;
            context->trusts_proxies = trusts_proxies;
            new (self) Server(std::move(context), still_valid.ptr(), std::move(settings));
          },
          nb::arg("loop"), nb::arg("app"), nb::arg("state"), nb::kw_only(), nb::arg("root_path"),
          nb::arg("report_exception"), nb::arg("report_protocol"), nb::arg("apply_proxy_headers"), nb::arg("await_any"),
          nb::arg("report_refused"), nb::arg("log_access"), nb::arg("log_websocket"), nb::arg("report_answers"),
          nb::arg("still_valid"), nb::arg("io_threads"), nb::arg("access_log"), nb::arg("trusts_proxies"),
          nb::arg("count_answers"), nb::arg("limit_concurrency"), nb::arg("server_header"), nb::arg("date_header"),
          nb::arg("headers"), nb::arg("legacy_reason_phrases"), nb::arg("limits"), nb::arg("pathsend"))
      .def("set_access_log", &Server::set_access_log, nb::kw_only(), nb::arg("on"), nb::arg("by_python"),
           nb::call_guard<nb::gil_scoped_release>())
      .def("listen_tcp", [](Server& self, const std::string& host, std::uint16_t port,
                            int backlog) { return as_os_error([&] { return self.listen_tcp(host, port, backlog); }); })
      .def("listen_unix",
           [](Server& self, const std::string& path, int backlog) {
             as_os_error([&] {
               self.listen_unix(path, backlog);
               return 0;
             });
           })
      .def(
          "listen_inherited",
          [](Server& self, int fd, int backlog) {
            return as_os_error([&] { return self.listen_inherited(fd, backlog); });
          },
          nb::arg("fd"), nb::arg("backlog") = runtime::ListenOptions{}.backlog)
      .def(
          "set_routes",
          [](Server& self, const nb::list& routes, const std::string& root_path, bool redirect_slashes,
             bool default_unmatched, const nb::list& watched_attributes, const nb::list& watched_lists,
             const nb::list& layers, const nb::object& outer_way) {
            AppRoutes app_routes{
                .root_path = root_path, .redirect_slashes = redirect_slashes, .default_unmatched = default_unmatched};
            app_routes.routes =
                read_entries(self.shared_app(), self.shared_guard(), routes, watched_attributes, watched_lists);
            app_routes.layers = read_layers(layers);
            self.set_routes(std::move(app_routes));
            self.app().outer_way = {.call = outer_way.is_none() ? PyRef() : PyRef::borrow(outer_way.ptr()),
                                    .guard = self.shared_guard(),
                                    .generation = self.shared_guard()->generation()};
          },
          nb::arg("routes"), nb::kw_only(), nb::arg("root_path"), nb::arg("redirect_slashes"),
          nb::arg("default_unmatched"), nb::arg("watched_attributes"), nb::arg("watched_lists"), nb::arg("layers"),
          nb::arg("outer_way").none())
      .def("make_inner_router",
           [](Server& self, const nb::object& original, const nb::object& still_valid) {
             return self.make_inner_router(original.ptr(), still_valid.ptr());
           })
      .def("drain", [](Server& self, double grace_seconds,
                       const nb::object& on_drained) { self.drain(read_seconds(grace_seconds), on_drained.ptr()); })
      .def("close", &Server::close)
      .def("release", &Server::release)
      .def_prop_ro("in_flight", [](Server& self) { return self.app().in_flight.load(std::memory_order_acquire); })
      .def_prop_ro("answered",
                   [](Server& self) { return self.app().counters.answered.load(std::memory_order_relaxed); })
      .def_prop_ro("connections", &Server::connections)
      .def("counts", [](Server& self) {
        nb::dict counts;
        const Counters& counters = self.app().counters;
        const std::uint64_t inside = counters.inside.load(std::memory_order_relaxed);
        const std::uint64_t bridged = counters.bridged.load(std::memory_order_relaxed);
        counts["compiled"] = counters.compiled.load(std::memory_order_relaxed) + inside;
        // The way to a router inside was counted as bridged, but for calls of an application by itself.
        counts["bridged"] = bridged > inside ? bridged - inside : 0;
        counts["unmatched"] = self.app().counters.unmatched.load(std::memory_order_relaxed);
        counts["middleware"] = self.app().counters.middleware.load(std::memory_order_relaxed);
        counts["websockets"] = counters.websockets.load(std::memory_order_relaxed);
        counts["abandoned"] = self.app().counters.abandoned.load(std::memory_order_relaxed);
        counts["refused"] = self.app().waiting.refused();
        return counts;
      });
}

}  // namespace data_bridge::bridge
