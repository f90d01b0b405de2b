// One run of the ASGI application for a WebSocket connection: from the handshake to the end of its coroutine.
#pragma once

#include <Python.h>

#include <cstddef>
#include <memory>

#include "bridge/app_context.hpp"
#include "bridge/websocket/loop_conversation.hpp"
#include "pyloop/driven.hpp"
#include "pyloop/loop.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// As Run, of a WebSocketConversation: owns itself from start() until its coroutine has ended. Made on the connection's
/// thread, everything else happens on the loop's.
class WebSocketRun final : public pyloop::PythonWork, private pyloop::Driven {
 public:
  WebSocketRun(const WebSocketRun&) = delete;
  WebSocketRun& operator=(const WebSocketRun&) = delete;

  /// Where too many requests wait for Python already, the handshake is answered with 503 instead.
  static void start(std::shared_ptr<AppContext> app, http::Exchange& exchange, http::ws::Handshake handshake);

  void run() noexcept override;
  /// The loop was closed first.
  void drop() noexcept override;

 private:
  WebSocketRun(std::shared_ptr<AppContext> app, http::Exchange& exchange, http::ws::Handshake handshake);
  ~WebSocketRun() = default;

  [[nodiscard]] pyloop::PyRef begin();
  void on_end(PyObject* result, PyObject* exception) noexcept override;
  void on_loop_closed() noexcept override { end(); }
  void leave_queue() noexcept;
  void report(PyObject* result, PyObject* exception) noexcept;
  void report_breach(pyloop::PyRef message) noexcept;
  void end() noexcept;

  std::shared_ptr<AppContext> app_;
  std::shared_ptr<LoopWebSocketConversation> conversation_;
  std::size_t waiting_size_ = 0;
  bool waiting_ = false;  // counted in AppContext::waiting
};

}  // namespace data_bridge::bridge
