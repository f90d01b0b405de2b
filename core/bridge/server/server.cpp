// Puts an application behind listening sockets.
#include "bridge/server/server.hpp"

#include <nanobind/nanobind.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <stdexcept>
#include <utility>

#include "bridge/asgi/endpoint.hpp"
#include "bridge/compiled/endpoint.hpp"
#include "bridge/server/answer_report.hpp"
#include "bridge/server/concurrency_limit.hpp"
#include "bridge/server/refusal_report.hpp"
#include "bridge/websocket/endpoint.hpp"
#include "pyloop/shared_object.hpp"
#include "runtime/socket.hpp"
#include "runtime/thread.hpp"

namespace data_bridge::bridge {

namespace nb = nanobind;
using pyloop::PyRef;

namespace {

std::shared_ptr<AppContext> share_app(std::unique_ptr<AppContext> app) {
  auto mailbox = app->mailbox;
  return pyloop::share_across_threads(std::move(app), std::move(mailbox));
}

std::string message_of(const runtime::SocketError& error) { return error.what + ": " + error.code.message(); }

}  // namespace

/// A Reactor with its connections: the loop's own, or one with a thread.
class Server::Lane {
 public:
  Lane(runtime::Reactor* shared, const std::shared_ptr<routing::CurrentRoutes>& routes, const http::Options& options)
      : own_(shared == nullptr ? std::make_unique<runtime::Reactor>() : nullptr),
        reactor_(shared == nullptr ? *own_ : *shared),
        router_(routes),
        connections_(reactor_, router_, options) {}

  [[nodiscard]] runtime::Reactor& reactor() noexcept { return reactor_; }
  [[nodiscard]] http::Connections& connections() noexcept { return connections_; }

  void start_thread() {
    if (own_ == nullptr) return;
    thread_ = runtime::start_thread("data_bridge-io", [this] { own_->run(); });
  }

  /// Runs `task` on the lane's thread: now where that is the loop's, else when it gets to it.
  void post(runtime::Task task) {
    if (own_ == nullptr || !thread_.joinable()) {
      task();
    } else {
      reactor_.post(std::move(task));
    }
  }

  /// Closes listeners and connections on their thread and ends it. Without the GIL where there is a thread.
  void close() {
    if (own_ == nullptr) {
      shut();
      return;
    }
    if (!thread_.joinable()) return;
    reactor_.post([this] {
      shut();
      own_->stop();
    });
    thread_.join();
  }

  /// On the lane's thread. What waits in the backlogs, or is on its way there, is accepted before `done` is called.
  void stop_listening(runtime::Task done) {
    if (listeners_.empty()) {
      done();
      return;
    }
    listening_ = listeners_.size();
    listening_no_more_ = std::move(done);
    for (const auto& listener : listeners_) {
      listener->drain([this] {
        if (--listening_ == 0) std::exchange(listening_no_more_, nullptr)();
      });
    }
  }
  std::vector<std::unique_ptr<http::Listener>>& listeners() noexcept { return listeners_; }

 private:
  void shut() {
    listeners_.clear();
    connections_.close_all();
  }

  std::unique_ptr<runtime::Reactor> own_;
  runtime::Reactor& reactor_;
  routing::Router router_;
  http::Connections connections_;
  std::vector<std::unique_ptr<http::Listener>> listeners_;
  std::size_t listening_ = 0;  // of the listeners, those that a stop still waits for
  runtime::Task listening_no_more_;
  std::thread thread_;
};

/// Counts the lanes that are still busy; calls back on the loop when none is. Shared by what every lane has to do yet.
class Server::Drain final : public pyloop::PythonWork {
 public:
  Drain(std::shared_ptr<pyloop::LoopMailbox> loop, std::size_t lanes, PyObject* on_drained)
      : loop_(std::move(loop)), remaining_(lanes), on_drained_(PyRef::borrow(on_drained), loop_) {}

  /// From any thread.
  static void lane_is_empty(const std::shared_ptr<Drain>& drain) {
    if (drain->remaining_.fetch_sub(1) != 1) return;
    drain->queued_ = drain;
    if (!drain->loop_->post(*drain)) drain->queued_.reset();
  }

  void run() noexcept override {
    const auto keep = std::move(queued_);
    if (!PyRef::steal(PyObject_CallNoArgs(on_drained_.get()))) PyErr_WriteUnraisable(on_drained_.get());
  }
  void drop() noexcept override { const auto keep = std::move(queued_); }

 private:
  std::shared_ptr<pyloop::LoopMailbox> loop_;
  std::atomic<std::size_t> remaining_;
  pyloop::SharedObject on_drained_;
  std::shared_ptr<Drain> queued_;  // itself, while it is queued as work
};

Server::Server(std::unique_ptr<AppContext> app, PyObject* still_valid, ServerSettings settings)
    : app_(share_app(std::move(app))),
      guard_(pyloop::share_across_threads(std::make_unique<PlanGuard>(still_valid), app_->mailbox)),
      settings_(std::move(settings)),
      application_(std::make_shared<AsgiEndpoint>(app_)),
      websocket_(std::make_shared<WebSocketEndpoint>(app_)) {
  settings_.http.connection_count = std::make_shared<http::ConnectionCount>();
  set_routes({});
  std::vector<std::shared_ptr<http::Layer>> around;
  if (settings_.access_log) {
    access_log_ = std::make_shared<middleware::AccessLog>(
        middleware::AccessLogOptions{.fd = STDOUT_FILENO,
                                     .root_path = app_->root_path,
                                     .legacy_reason_phrases = settings_.http.legacy_reason_phrases});
    around.push_back(access_log_);
  }
  if (settings_.access_log || settings_.count_answers) around.push_back(std::make_shared<AnswerReport>(app_));
  const auto refusals = std::make_shared<RefusalReport>(app_);
  around.push_back(refusals);
  if (settings_.limit_concurrency > 0) {
    around.push_back(std::make_shared<ConcurrencyLimit>(settings_.limit_concurrency, app_,
                                                        settings_.http.connection_count, refusals));
  }
  const auto layers = std::make_shared<const http::Pipeline>(std::move(around));
  const unsigned lanes = std::max(1U, settings_.io_threads);
  for (unsigned i = 0; i < lanes; ++i) {
    runtime::Reactor* shared = settings_.io_threads == 0 ? &app_->core.reactor() : nullptr;
    lanes_.push_back(std::make_unique<Lane>(shared, routes_, settings_.http));  // which share one connection count
    lanes_.back()->connections().set_layers(layers);
  }
}

Server::~Server() { release(); }

std::vector<Server::Address> Server::listen_tcp(const std::string& host, std::uint16_t port, int backlog) {
  auto sockets = runtime::listen_tcp(host, port, {.backlog = backlog});
  if (!sockets) throw std::runtime_error(message_of(sockets.error()));
  std::vector<Address> addresses;
  for (const auto& socket : *sockets) {
    const runtime::SocketAddress address = runtime::local_address(socket.get());
    addresses.emplace_back(address.host(), address.port);
  }
  listen(std::move(*sockets));
  return addresses;
}

void Server::listen_unix(const std::string& path, int backlog) {
  auto socket = runtime::listen_unix(path, {.backlog = backlog});
  if (!socket) throw std::runtime_error(message_of(socket.error()));
  unix_path_ = path;
  std::vector<runtime::FileDescriptor> sockets;
  sockets.push_back(std::move(*socket));
  listen(std::move(sockets));
}

std::vector<Server::Address> Server::listen_inherited(int fd, int backlog) {
  auto socket = runtime::adopt_listener(fd, {.backlog = backlog});
  if (!socket) throw std::runtime_error(message_of(socket.error()));
  const runtime::SocketAddress address = runtime::local_address(fd);
  std::vector<runtime::FileDescriptor> sockets;
  sockets.push_back(std::move(*socket));
  listen(std::move(sockets), http::Listener::Sharing::kProcesses);
  if (address.family == runtime::SocketAddress::Family::kUnix) return {};
  return {{address.host(), address.port}};
}

void Server::listen(std::vector<runtime::FileDescriptor> sockets, http::Listener::Sharing sharing) {
  start_threads();
  // One lane accepts for all and hands each connection to the least loaded: balance is exact, and
  // nothing that waits in a backlog is lost when a thread ends.
  http::Listener::Targets targets;
  targets.reserve(lanes_.size());
  for (const auto& lane : lanes_) targets.push_back(lane->connections().mailbox());
  Lane& acceptor = *lanes_.front();
  for (auto& socket : sockets) {
    acceptor.post([&acceptor, targets, sharing, socket = std::move(socket)]() mutable {
      auto listener = std::make_unique<http::Listener>(acceptor.reactor(), std::move(socket), targets, sharing);
      // A socket that listens can be watched; only a lack of memory could say otherwise.
      if (!listener->start()) acceptor.listeners().push_back(std::move(listener));
    });
  }
}

void Server::start_threads() {
  if (started_) return;
  started_ = true;
  for (const auto& lane : lanes_) lane->start_thread();
}

std::shared_ptr<const routing::RouteTable> build_table(std::vector<RouteEntry> routes, routing::RoutingOptions options,
                                                       std::shared_ptr<const http::Pipeline> compiled_layers,
                                                       const std::shared_ptr<routing::Endpoint>& application) {
  const std::shared_ptr<const http::Pipeline> layers = options.layers;
  routing::RouteTable::Builder builder(std::move(options));
  for (RouteEntry& route : routes) {
    auto endpoint = route.endpoint != nullptr ? std::move(route.endpoint) : application;
    if (!route.opaque) {
      routing::RouteSpec spec{.path = route.path,
                              .methods = route.methods,
                              .endpoint = std::move(endpoint),
                              .allow = route.allow,
                              .layers = route.compiled ? compiled_layers : layers};
      if (builder.add(std::move(spec))) continue;
    }
    // A template that only Starlette can match: from here on Starlette decides.
    builder.add_opaque(application, layers);
  }
  return builder.build();
}

void Server::set_routes(AppRoutes app_routes) {
  const auto pipeline = [this, &app_routes](Around around) {
    return make_app_pipeline(app_routes.layers, around, app_, guard_, application_);
  };
  auto table = build_table(
      std::move(app_routes.routes),
      {.redirect_slashes = app_routes.redirect_slashes,
       .unmatched = std::make_shared<AppUnmatchedEndpoint>(app_, app_routes.default_unmatched ? guard_ : nullptr),
       .websocket = app_->websocket->enabled ? websocket_ : nullptr,
       .layers = pipeline(Around::kAllElse),
       .server_root_path = app_->root_path,
       .root_path = app_routes.root_path},
      pipeline(Around::kCompiledRoutes), application_);
  if (routes_ == nullptr) {
    routes_ = std::make_shared<routing::CurrentRoutes>(std::move(table));
  } else {
    routes_->replace(std::move(table));
  }
}

std::unique_ptr<InnerRouter> Server::make_inner_router(PyObject* original, PyObject* still_valid) {
  return std::make_unique<InnerRouter>(app_, original, still_valid);
}

void Server::drain(std::chrono::milliseconds grace, PyObject* on_drained) {
  auto drain = std::make_shared<Drain>(app_->mailbox, lanes_.size(), on_drained);
  // First who accepts for all: what it hands over, its last connections too, is before the drain in each lane's queue.
  Lane& acceptor = *lanes_.front();
  acceptor.post([this, &acceptor, grace, drain] {
    acceptor.stop_listening([this, &acceptor, grace, drain] {
      for (const auto& lane : lanes_) {
        const auto begin = [lane = lane.get(), grace, drain] {
          lane->connections().drain(grace, [drain] { Drain::lane_is_empty(drain); });
        };
        if (lane.get() == &acceptor) {
          begin();
        } else {
          lane->post(begin);
        }
      }
    });
  });
}

void Server::set_access_log(bool on, bool by_python) {
  if (access_log_ == nullptr) return;
  app_->access_on.store(on, std::memory_order_relaxed);
  app_->access_by_python.store(on && by_python, std::memory_order_relaxed);
  access_log_->set_on(on && !by_python);
  if (by_python) access_log_->flush();  // what Python writes comes behind it
}

void Server::close() {
  if (std::exchange(closed_, true)) return;
  {
    const nb::gil_scoped_release release;  // joins threads
    if (settings_.io_threads != 0) {
      for (const auto& lane : lanes_) lane->close();
    }
  }
  if (settings_.io_threads == 0) lanes_.front()->close();
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

void Server::release() noexcept {
  close();
  app_->release_application();
  guard_->retire();
}

}  // namespace data_bridge::bridge
