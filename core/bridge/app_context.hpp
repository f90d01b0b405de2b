// One application as the native side sees it: its loop, its callables, its counters.
#pragma once

#include <Python.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "bridge/compiled/watch.hpp"
#include "http/ws/options.hpp"
#include "pyloop/loop.hpp"
#include "pyloop/mailbox.hpp"
#include "pyloop/py_ref.hpp"
#include "runtime/admission.hpp"

namespace data_bridge::bridge {

/// Python callables that the native side hands rare cases to (python/data_bridge/server.py); null once the
/// server is over.
struct Hooks {
  pyloop::PyRef report_exception;     ///< (exception) -> None: logs "Exception in ASGI application"
  pyloop::PyRef report_protocol;      ///< (message: str) -> None: logs a breach of the ASGI protocol
  pyloop::PyRef apply_proxy_headers;  ///< (scope) -> None: X-Forwarded-For and -Proto of a trusted peer; or None
  pyloop::PyRef await_any;            ///< (awaitable) -> coroutine
  pyloop::PyRef report_refused;       ///< (statuses: list[int], more: int) -> None: logs requests that were refused
  pyloop::PyRef log_access;           ///< (scope, status: int) -> None: a line of the access log
  pyloop::PyRef log_websocket;        ///< (scope or None, status: int) -> None: see access_lines.hpp
  /// (lines: list[tuple], dropped: int) -> None: lines of the access log for answers that Python did not give
  pyloop::PyRef report_answers;
};

/// How requests were answered, for diagnostics and tests.
struct Counters {
  std::atomic<std::uint64_t> compiled{0};
  std::atomic<std::uint64_t> bridged{0};
  std::atomic<std::uint64_t> inside{0};      ///< compiled, behind the application's middleware, which was bridged
  std::atomic<std::uint64_t> unmatched{0};   ///< 404, 405 and redirects that the application was not asked for
  std::atomic<std::uint64_t> middleware{0};  ///< answered by native middleware, in the application's place
  std::atomic<std::uint64_t> answered{0};    ///< answers of any kind, where they are counted
  std::atomic<std::uint64_t> websockets{0};  ///< handshakes that the application was asked about
  std::atomic<std::uint64_t> abandoned{0};   ///< the client left before the application had seen the request
};

/// The ASGI application without those of its own layers that only see exceptions, while `generation` counts.
struct OuterWay {
  pyloop::PyRef call;  ///< (scope, receive, send), or empty
  std::shared_ptr<PlanGuard> guard;
  std::shared_ptr<PlanGuard::Generation> generation;

  [[nodiscard]] bool open() const noexcept { return call && guard->valid(*generation); }
};

/// Shared by the server and every request, which may outlive it (share_across_threads()). The Python objects belong to
/// the loop's thread.
struct AppContext {
  AppContext(PyObject* loop_object, PyObject* asgi_app, PyObject* state_dict, std::string root_path_, Hooks hooks_,
             runtime::Admission::Bound waiting_bound, std::chrono::milliseconds request_timeout_,
             const http::ws::Options& websocket_);
  /// The server is over: lets go of the application, which may hold what holds this.
  void release_application() noexcept;

  pyloop::PyRef loop;
  pyloop::LoopCore& core;
  std::shared_ptr<pyloop::LoopMailbox> mailbox;  ///< of the loop, for those who may come too late
  pyloop::PyRef app;                             ///< the ASGI 3 callable
  OuterWay outer_way;                            ///< for HTTP
  pyloop::PyRef state;                           ///< the lifespan's state: dict, copied into each scope
  std::string root_path;
  Hooks hooks;
  std::chrono::milliseconds request_timeout;  ///< from a request's dispatch to its whole answer; 0: none
  /// Shared with the connections, which may outlive it.
  std::shared_ptr<const http::ws::Options> websocket;
  /// `http.response.pathsend` is among the extensions in a scope.
  bool announces_pathsend = true;
  Counters counters;
  /// There is an access log; and Python writes all of its lines, not those alone that name a proxy's client.
  std::atomic<bool> access_on{false};
  std::atomic<bool> access_by_python{false};
  bool trusts_proxies = false;  ///< apply_proxy_headers may have something to do
  /// Requests for Python that have begun and not ended, background tasks included.
  std::atomic<std::int64_t> in_flight{0};
  /// Requests that came in on other threads and that Python has not begun.
  runtime::Admission waiting;
};

}  // namespace data_bridge::bridge
