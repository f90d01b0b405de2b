// One request being answered by Python: from the loop's batch of work to the end of its coroutine.
#pragma once

#include <Python.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "bridge/app_context.hpp"
#include "bridge/body_inbox.hpp"
#include "bridge/incoming.hpp"
#include "bridge/presence.hpp"
#include "pyloop/handler_task.hpp"
#include "pyloop/loop.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Owns itself from start() until its coroutine has ended: no other object lives exactly as long. Made on the
/// connection's thread.
class Call : public pyloop::PythonWork, public pyloop::Completion {
 public:
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// Makes a `Kind` of call for `exchange` and queues it on the loop; it destroys itself when it has ended. Where too
  /// many wait for Python already, the exchange is answered with 503 instead, and nothing is made.
  /// `endpoint` is kept until then, and keeps `app`.
  template <typename Kind, typename Endpoint, typename... Arguments>
  static void start(AppContext& app, std::shared_ptr<Endpoint> endpoint, http::Exchange& exchange,
                    Arguments&&... arguments) {
    if (admit(app, exchange)) {
      submit(*new Kind(app, std::move(endpoint), exchange, std::forward<Arguments>(arguments)...));
    }
  }

  void run() noexcept final;
  /// The loop was closed first: the request ends with its connection.
  void drop() noexcept final;
  void done(PyObject* result, PyObject* exception) noexcept final;
  [[nodiscard]] bool contains() const noexcept final { return true; }

  [[nodiscard]] AppContext& app() noexcept { return app_; }
  [[nodiscard]] const Incoming& incoming() const noexcept { return incoming_; }

  /// The cycle of this request, made at the first call; null with a Python exception set on failure.
  PyObject* cycle();
  /// A whole answer without a cycle. At most one.
  void respond(int status, std::string_view content_type, std::string_view body);
  void respond(int status, std::span<const http::Header> headers, std::string_view body);
  /// A coroutine of the ASGI application, for this request. Empty with an exception set on failure.
  pyloop::PyRef application_coroutine();

 protected:
  /// How the request's body reaches Python.
  enum class Body : std::uint8_t {
    kWhole,   ///< it came with the exchange, or there is none
    kStream,  ///< as it comes, from now on
    kLater,   ///< as it comes, once somebody asks for the cycle
  };
  Call(AppContext& app, std::shared_ptr<const void> keeps_app, http::Exchange& exchange, Body body);
  virtual ~Call() = default;

  /// The coroutine that answers; empty where it was answered already (no exception set) or on failure.
  virtual pyloop::PyRef begin() = 0;

 private:
  static bool admit(AppContext& app, http::Exchange& exchange);
  static void submit(Call& call);
  static std::size_t waiting_size(const http::Exchange& exchange) noexcept;

  void end() noexcept;
  std::shared_ptr<BodyInbox> inbox();
  void fail(PyObject* exception) noexcept;
  void report_breach(pyloop::PyRef message) noexcept;

  AppContext& app_;
  // One count for all that a request shares with others: each would go to and fro between the threads' caches.
  std::shared_ptr<const void> keeps_app_;
  Incoming incoming_;
  std::shared_ptr<BodyInbox> inbox_;    // null until somebody asks, unless the body streams
  std::shared_ptr<Presence> presence_;  // where the connection lives on another thread and there is no inbox
  pyloop::PyRef cycle_;
  std::size_t waiting_size_ = 0;
  Body body_;
  bool waiting_ = false;  // counted in AppContext::waiting
  bool answered_ = false;
};

}  // namespace data_bridge::bridge
