// The order of ASGI messages of one WebSocket connection, as in uvicorn's websockets_sansio_impl.py.
#include "bridge/websocket/callables.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bridge/access_lines.hpp"
#include "bridge/asgi/awaitable.hpp"
#include "bridge/asgi/callables_type.hpp"
#include "bridge/asgi/message.hpp"
#include "bridge/asgi/names.hpp"
#include "bridge/asgi/waiters.hpp"
#include "bridge/websocket/messages.hpp"
#include "websocket/close.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;
using State = WebSocketConversation::State;

namespace {

PyObject* client_disconnected = nullptr;

bool raise_disconnected() {
  PyErr_SetNone(client_disconnected);
  return false;
}

/// RuntimeError of `text`, with the type of a message in the place of %S.
bool raise_unexpected(const char* text, PyObject* type) {
  PyErr_Format(PyExc_RuntimeError, text, type);
  return false;
}

bool is(PyObject* type, const char* name) noexcept {
  return PyUnicode_Check(type) && PyUnicode_CompareWithASCIIString(type, name) == 0;
}

}  // namespace

PyObject* client_disconnected_type() noexcept { return client_disconnected; }

class WebSocketCallables final : public ConversationReader {
 public:
  static constexpr const char* kTypeName = "data_bridge._core.WebSocketCallables";
  static constexpr const char* kReceiveDoc = "receive() -> awaitable of the next ASGI message of this connection.";
  static constexpr const char* kSendDoc = "send(message) -> awaitable that sends an ASGI message on this connection.";

  WebSocketCallables(std::shared_ptr<AppContext> app, std::shared_ptr<LoopWebSocketConversation> conversation)
      : app_(std::move(app)), conversation_(std::move(conversation)) {
    conversation_->set_reader(this);
  }
  WebSocketCallables(const WebSocketCallables&) = delete;
  WebSocketCallables& operator=(const WebSocketCallables&) = delete;
  virtual ~WebSocketCallables() { conversation_->set_reader(nullptr); }

  /// `receive()` and `send(message)`, when awaited.
  struct Receive final : Operation {
    explicit Receive(WebSocketCallables& callables) : callables_(callables) {}
    Attempt attempt(PyObject* /*argument*/, PyRef& result) override { return callables_.receive(result); }
    WebSocketCallables& callables_;
  };
  struct Send final : Operation {
    explicit Send(WebSocketCallables& callables) : callables_(callables) {}
    Attempt attempt(PyObject* message, PyRef& result) override { return callables_.send(message, result); }
    WebSocketCallables& callables_;
  };

  void on_change() noexcept override {
    receive_waiters_.wake();
    if (!conversation_->send_paused()) send_waiters_.wake();
  }

  int traverse(visitproc visit, void* arg) {
    Py_VISIT(scope_.get());
    const int stop = receive_waiters_.traverse(visit, arg);
    return stop != 0 ? stop : send_waiters_.traverse(visit, arg);
  }
  void set_scope(PyObject* scope) noexcept { scope_ = PyRef::borrow(scope); }
  void clear() noexcept {
    scope_.reset();
    receive_waiters_.clear();
    send_waiters_.clear();
  }

  Receive receive_operation{*this};
  Send send_operation{*this};

 private:
  Attempt receive(PyRef& result) {
    if (!std::exchange(connected_, true)) {
      result = make_websocket_connect();
      return result ? Attempt::kDone : Attempt::kError;
    }
    const auto event = conversation_->receive();
    result = event ? make_websocket_event(*event) : receive_waiters_.add(app_->loop.get());
    if (!result) return Attempt::kError;
    return event ? Attempt::kDone : Attempt::kWait;
  }

  Attempt send(PyObject* message, PyRef& result) {
    if (conversation_->must_wait_to_send()) {
      result = send_waiters_.add(app_->loop.get());
      return result ? Attempt::kWait : Attempt::kError;
    }
    result = PyRef::borrow(Py_None);
    if (!send_now(message)) return Attempt::kError;
    // An own end is an event, too: of whoever waits in receive() beside this.
    if (conversation_->state() == State::kClosed) receive_waiters_.wake();
    return Attempt::kDone;
  }

  bool send_now(PyObject* message) {
    if (conversation_->gone()) return raise_disconnected();
    const PyRef type = message_type(message);
    if (!type) return false;
    switch (conversation_->state()) {
      case State::kConnecting:
        return answer(type.get(), message);
      case State::kOpen:
        return go_on(type.get(), message);
      case State::kDenying:
        if (!is(type.get(), "websocket.http.response.body")) {
          return raise_unexpected("Expected ASGI message 'websocket.http.response.body' but got '%S'.", type.get());
        }
        return deny(message);
      case State::kClosed:
        break;
    }
    return raise_unexpected("Unexpected ASGI message '%S', after sending 'websocket.close'.", type.get());
  }

  bool answer(PyObject* type, PyObject* message) {
    if (is(type, "websocket.accept")) return accept(message);
    if (is(type, "websocket.close")) {
      const bool logged = log(403);
      conversation_->refuse();
      return logged;
    }
    if (is(type, "websocket.http.response.start")) return begin_denial(message);
    return raise_unexpected(
        "Expected ASGI message 'websocket.accept', 'websocket.close' or 'websocket.http.response.start' but got '%S'.",
        type);
  }

  bool accept(PyObject* message) {
    std::vector<std::pair<std::string, std::string>> headers;
    std::string subprotocol;
    if (!read_headers(message, true, headers) || !read_subprotocol(message, subprotocol)) return false;
    if (!log(101)) return false;
    std::vector<http::Header> fields;
    fields.reserve(headers.size());
    for (const auto& [name, value] : headers) fields.push_back({name, value});
    conversation_->accept(fields, subprotocol);
    return true;
  }

  bool begin_denial(PyObject* message) {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    if (!read_denial_status(message, status) || !read_headers(message, false, headers)) return false;
    if (!log(status)) return false;
    conversation_->begin_denial(status, std::move(headers));
    return true;
  }

  bool deny(PyObject* message) {
    BodyMessage body;
    if (!read_body_message(message, body)) return false;
    conversation_->deny(body.bytes.view(), body.more_body);
    return true;
  }

  bool log(int status) {
    const PyRef scope = std::move(scope_);
    return !scope || log_websocket(*app_, scope.get(), status);
  }

  bool go_on(PyObject* type, PyObject* message) {
    if (is(type, "websocket.send")) return send_data(message);
    if (is(type, "websocket.close")) return close(message);
    return raise_unexpected("Expected ASGI message 'websocket.send' or 'websocket.close', but got '%S'.", type);
  }

  bool send_data(PyObject* message) {
    DataMessage data;
    if (!read_data_message(message, data)) return false;
    if (!data.kind) return true;
    if (conversation_->closing()) return raise_disconnected();
    conversation_->send(*data.kind, data.payload());
    return true;
  }

  bool close(PyObject* message) {
    if (conversation_->closing()) return true;  // the client was faster
    websocket::Close close;
    if (!read_close_message(message, close)) return false;
    conversation_->close(close.code, close.reason);
    return true;
  }

  std::shared_ptr<AppContext> app_;
  std::shared_ptr<LoopWebSocketConversation> conversation_;
  Waiters receive_waiters_;
  Waiters send_waiters_;
  PyRef scope_;  // until the handshake is answered, for its line in the log
  bool connected_ = false;
};

using Type = CallablesType<WebSocketCallables>;

bool ready_websocket_types() {
  if (client_disconnected == nullptr) {
    client_disconnected =
        PyErr_NewExceptionWithDoc("data_bridge._core.ClientDisconnected",
                                  "A message was sent to a client that has left.", PyExc_OSError, nullptr);
  }
  return client_disconnected != nullptr && Type::ready();
}

PyRef make_websocket_callables(std::shared_ptr<AppContext> app,
                               std::shared_ptr<LoopWebSocketConversation> conversation) {
  return Type::make(std::move(app), std::move(conversation));
}

void set_websocket_scope(PyObject* callables, PyObject* scope) { Type::of(callables).set_scope(scope); }
PyRef websocket_receive_of(PyObject* callables) { return Type::receive_of(callables); }
PyRef websocket_send_of(PyObject* callables) { return Type::send_of(callables); }

}  // namespace data_bridge::bridge
