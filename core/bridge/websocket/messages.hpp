// The dicts that a WebSocket application and its server pass.
#pragma once

#include <Python.h>

#include <optional>
#include <string>
#include <string_view>

#include "bridge/asgi/message.hpp"
#include "bridge/conversation/websocket_conversation.hpp"
#include "pyloop/py_ref.hpp"
#include "websocket/close.hpp"
#include "websocket/frame.hpp"

namespace data_bridge::bridge {

/// Empty with a Python exception set on failure.
pyloop::PyRef make_websocket_connect();
/// A `websocket.receive`, which has `text` or `bytes`, not both, or a `websocket.disconnect`; likewise.
pyloop::PyRef make_websocket_event(const WebSocketConversation::Event& event);

/// A `websocket.send`.
class DataMessage {
 public:
  std::optional<websocket::Opcode> kind{};  ///< none where there is nothing to send
  [[nodiscard]] std::string_view payload() const noexcept { return bytes_.view(); }

 private:
  friend bool read_data_message(PyObject* message, DataMessage& out);
  pyloop::PyRef owner_;
  ByteView bytes_;  // released before its owner
};

/// All of these: false with a Python exception set.
bool read_data_message(PyObject* message, DataMessage& out);
bool read_close_message(PyObject* message, websocket::Close& out);
/// "" where none is chosen.
bool read_subprotocol(PyObject* message, std::string& out);
bool read_denial_status(PyObject* message, int& out);

}  // namespace data_bridge::bridge
