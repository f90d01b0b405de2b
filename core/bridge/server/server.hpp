// One server process's native half: threads, listeners, connections and routes of one application.
#pragma once

#include <Python.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bridge/app_context.hpp"
#include "bridge/compiled/inner_router.hpp"
#include "bridge/compiled/watch.hpp"
#include "bridge/server/app_layers.hpp"
#include "http/connections.hpp"
#include "http/limits.hpp"
#include "http/listener.hpp"
#include "middleware/access_log.hpp"
#include "routing/route_table.hpp"
#include "routing/router.hpp"
#include "runtime/file_descriptor.hpp"

namespace data_bridge::bridge {

struct ServerSettings {
  http::Options http;
  unsigned io_threads = 0;                  ///< 0: connections live on the loop's own Reactor
  bool access_log = false;                  ///< a line for every answer; see set_access_log()
  bool count_answers = false;               ///< Counters::answered counts, also without an access log
  std::size_t limit_concurrency = 0;        ///< see ConcurrencyLimit; 0: none
  runtime::Admission::Bound max_waiting{};  ///< requests that wait for Python; see ServerLimits
};

/// A route as the Python side hands it over.
struct RouteEntry {
  std::string path;
  std::vector<std::string> methods;
  std::shared_ptr<routing::Endpoint> endpoint;  ///< null: the ASGI application
  bool opaque = false;                          ///< may match anything
  std::string allow{};                          ///< Allow of its 405
  bool compiled = false;                        ///< `endpoint` runs a program
};

/// All routes of an application, and what they were read from.
struct AppRoutes {
  std::vector<RouteEntry> routes{};  ///< in the order of their declaration
  std::string root_path{};
  bool redirect_slashes = true;
  bool default_unmatched = false;  ///< what no route answers is answered as Starlette does by default
  std::vector<AppLayer> layers{};  ///< the application's middleware around all answers, from the outside
};

/// The table of `routes`; what is not compiled leads to `application`. `compiled_layers` are around what is.
std::shared_ptr<const routing::RouteTable> build_table(std::vector<RouteEntry> routes, routing::RoutingOptions options,
                                                       std::shared_ptr<const http::Pipeline> compiled_layers,
                                                       const std::shared_ptr<routing::Endpoint>& application);

/// All methods on the loop's thread, with the GIL, unless they say otherwise.
class Server {
 public:
  Server(std::unique_ptr<AppContext> app, PyObject* still_valid, ServerSettings settings);
  /// close()
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  using Address = std::pair<std::string, std::uint16_t>;
  /// Throw std::runtime_error with a message for people where the address cannot be used.
  std::vector<Address> listen_tcp(const std::string& host, std::uint16_t port, int backlog);
  void listen_unix(const std::string& path, int backlog);
  /// A socket that the process inherited, and shares with others; see runtime::adopt_listener().
  std::vector<Address> listen_inherited(int fd, int backlog);

  /// Its generation is to be begun before plans are made into endpoints for set_routes().
  [[nodiscard]] const std::shared_ptr<PlanGuard>& shared_guard() const noexcept { return guard_; }
  [[nodiscard]] const std::shared_ptr<AppContext>& shared_app() const noexcept { return app_; }
  /// Puts `routes` in force.
  void set_routes(AppRoutes routes);
  /// A router for the inside of an application's middleware; see InnerRouter.
  [[nodiscard]] std::unique_ptr<InnerRouter> make_inner_router(PyObject* original, PyObject* still_valid);

  /// Stops accepting; connections close after their next answer, at the latest after `grace`.
  /// `on_drained` is called when all are gone.
  void drain(std::chrono::milliseconds grace, PyObject* on_drained);
  /// Cuts off what is left and ends the I/O threads. Idempotent.
  void close();
  /// close(), and lets go of the application and of all other Python objects: what requests have left behind, in the
  /// frames of an exception that somebody keeps, may hold parts of this. When no task can answer any more. Idempotent.
  void release() noexcept;

  /// Whether the access log, where there is one, is written now, and all of it by Python's hooks or what is possible by
  /// native code, on standard output.
  void set_access_log(bool on, bool by_python);
  [[nodiscard]] std::size_t connections() const noexcept { return settings_.http.connection_count->load(); }

  [[nodiscard]] AppContext& app() noexcept { return *app_; }

 private:
  class Lane;
  class Drain;

  void listen(std::vector<runtime::FileDescriptor> sockets,
              http::Listener::Sharing sharing = http::Listener::Sharing::kNobody);
  void start_threads();

  std::shared_ptr<AppContext> app_;
  std::shared_ptr<PlanGuard> guard_;
  ServerSettings settings_;
  std::shared_ptr<routing::Endpoint> application_;
  std::shared_ptr<routing::Endpoint> websocket_;
  std::shared_ptr<routing::CurrentRoutes> routes_;
  std::shared_ptr<middleware::AccessLog> access_log_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::string unix_path_;
  bool started_ = false;
  bool closed_ = false;
};

}  // namespace data_bridge::bridge
