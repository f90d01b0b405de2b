// One run of Python code for a request: from the loop's batch of work to the end of its coroutine.
#pragma once

#include <Python.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "bridge/app_context.hpp"
#include "bridge/loop_conversation.hpp"
#include "pyloop/driven.hpp"
#include "pyloop/loop.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Owns itself from start() until its coroutine has ended: no other object lives exactly as long. Made on the
/// connection's thread, everything else happens on the loop's. What outlives it, or is seen by two threads, is its
/// Conversation.
class Run : public pyloop::PythonWork, protected pyloop::Driven, private ConversationRunner {
 public:
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Makes a `Kind` of run for `exchange` and queues it on the loop; it destroys itself when it has ended. Where too
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

  [[nodiscard]] AppContext& app() noexcept { return app_; }
  [[nodiscard]] LoopConversation& conversation() noexcept { return *conversation_; }
  /// The callables `receive` and `send` of this request (asgi/callables.hpp), made at the first call; null with a
  /// Python exception set on failure.
  PyObject* callables();
  /// A coroutine of the ASGI application, for this request. Empty with an exception set on failure.
  pyloop::PyRef application_coroutine();
  /// Before an answer that does not go through the callables: a line, where Python writes the access log.
  void log_access(int status) noexcept;

 protected:
  /// `timeout`: of this request, where it is not the application's; 0: it is.
  Run(AppContext& app, std::shared_ptr<const void> keeps_app, http::Exchange& exchange, Conversation::Body body,
      std::chrono::milliseconds timeout = std::chrono::milliseconds(0));
  virtual ~Run() = default;

  /// The coroutine that answers; empty where it was answered already (no exception set) or on failure.
  virtual pyloop::PyRef begin() = 0;

 private:
  static bool admit(AppContext& app, http::Exchange& exchange);
  static void submit(Run& run);
  static std::size_t waiting_size(const http::Exchange& exchange) noexcept;

  void on_end(PyObject* result, PyObject* exception) noexcept final;
  void on_loop_closed() noexcept final;
  void on_expired() noexcept final { cancel(); }
  void end() noexcept;
  void end_answer(PyObject* result, PyObject* exception) noexcept;
  void report(PyObject* exception) noexcept;
  void report_breach(Conversation::Breach breach) noexcept;
  void report_breach(pyloop::PyRef message) noexcept;

  AppContext& app_;
  // One count for all that a request shares with others: each would go to and fro between the threads' caches.
  std::shared_ptr<const void> keeps_app_;
  std::shared_ptr<LoopConversation> conversation_;
  pyloop::PyRef callables_;
  std::size_t waiting_size_ = 0;
  bool waiting_ = false;  // counted in AppContext::waiting
};

}  // namespace data_bridge::bridge
