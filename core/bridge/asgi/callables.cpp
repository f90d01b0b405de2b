// The order of ASGI messages in and out of one exchange, as in uvicorn's httptools_impl.py.
#include "bridge/asgi/callables.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "bridge/asgi/awaitable.hpp"
#include "bridge/asgi/callables_type.hpp"
#include "bridge/asgi/message.hpp"
#include "bridge/asgi/waiters.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

class AsgiCallables final : public ConversationReader {
 public:
  static constexpr const char* kTypeName = "data_bridge._core.AsgiCallables";
  static constexpr const char* kReceiveDoc = "receive() -> awaitable of the next ASGI message of this request.";
  static constexpr const char* kSendDoc =
      "send(message) -> awaitable that sends an ASGI message of this request's answer.";

  AsgiCallables(std::shared_ptr<AppContext> app, std::shared_ptr<LoopConversation> conversation)
      : app_(std::move(app)), conversation_(std::move(conversation)) {
    conversation_->set_reader(this);
  }
  AsgiCallables(const AsgiCallables&) = delete;
  AsgiCallables& operator=(const AsgiCallables&) = delete;
  virtual ~AsgiCallables() { conversation_->set_reader(nullptr); }

  /// `receive()` and `send(message)`, when awaited.
  struct Receive final : Operation {
    explicit Receive(AsgiCallables& callables) : callables_(callables) {}
    Attempt attempt(PyObject* /*argument*/, PyRef& result) override { return callables_.receive(result); }
    AsgiCallables& callables_;
  };
  struct ReceivePiece final : Operation {
    explicit ReceivePiece(AsgiCallables& callables) : callables_(callables) {}
    Attempt attempt(PyObject* /*argument*/, PyRef& result) override {
      return callables_.receive_piece(callables_.piece, result);
    }
    AsgiCallables& callables_;
  };
  struct Send final : Operation {
    explicit Send(AsgiCallables& callables) : callables_(callables) {}
    Attempt attempt(PyObject* message, PyRef& result) override { return callables_.send(message, result); }
    AsgiCallables& callables_;
  };

  void on_change() noexcept override {
    receive_waiters_.wake();
    if (!conversation_->send_paused()) send_waiters_.wake();
  }

  int traverse(visitproc visit, void* arg) {
    const int stop = receive_waiters_.traverse(visit, arg);
    return stop != 0 ? stop : send_waiters_.traverse(visit, arg);
  }
  void clear() noexcept {
    receive_waiters_.clear();
    send_waiters_.clear();
  }

  Receive receive_operation{*this};
  ReceivePiece receive_piece_operation{*this};
  BodyPiece piece;  // what that has received
  Send send_operation{*this};

 private:
  Attempt receive(PyRef& result) {
    BodyPiece received;
    const Attempt attempt = receive_piece(received, result);
    if (attempt != Attempt::kDone) return attempt;
    result =
        received.disconnected ? make_disconnect_message() : make_request_message(received.bytes, received.more_body);
    return result ? Attempt::kDone : Attempt::kError;
  }

  Attempt receive_piece(BodyPiece& out, PyRef& result) {
    result = PyRef::borrow(Py_None);
    if (take_body_piece(*conversation_, out)) return Attempt::kDone;
    result = receive_waiters_.add(app_->loop.get());
    return result ? Attempt::kWait : Attempt::kError;
  }

  Attempt send(PyObject* message, PyRef& result) {
    const Conversation::Room room = conversation_->room_to_send();
    if (room == Conversation::Room::kNo) {
      result = send_waiters_.add(app_->loop.get());
      return result ? Attempt::kWait : Attempt::kError;
    }
    result = PyRef::borrow(Py_None);
    if (room == Conversation::Room::kGone) return Attempt::kDone;
    PyRef type = message_type(message);
    if (!type) return Attempt::kError;
    if (conversation_->state() == Conversation::State::kComplete) {
      PyErr_Format(PyExc_RuntimeError, "Unexpected ASGI message '%S' sent, after response already completed.",
                   type.get());
      return Attempt::kError;
    }
    const bool started = conversation_->state() == Conversation::State::kStarted;
    const char* expected = started ? "http.response.body" : "http.response.start";
    if (!PyUnicode_Check(type.get()) || PyUnicode_CompareWithASCIIString(type.get(), expected) != 0) {
      PyErr_Format(PyExc_RuntimeError, "Expected ASGI message '%s', but got '%S'.", expected, type.get());
      return Attempt::kError;
    }
    const bool sent = started ? send_body(message) : send_start(message);
    return sent ? Attempt::kDone : Attempt::kError;
  }

  // Whoever calls `send` is the application with its middleware: what is compiled answers without it.
  bool send_start(PyObject* message) {
    conversation_->leave_layers();
    conversation_->announce_start();
    StartMessage start;
    if (!read_start_message(message, start)) return false;
    conversation_->start(start.status, start.headers, start.content_length);
    return true;
  }

  bool send_body(PyObject* message) {
    BodyMessage body;
    if (!read_body_message(message, body)) return false;
    switch (conversation_->send(body.bytes.view(), body.more_body)) {
      case Conversation::Sent::kTooLong:
        PyErr_SetString(PyExc_RuntimeError, "Response content longer than Content-Length");
        return false;
      case Conversation::Sent::kTooShort:
        PyErr_SetString(PyExc_RuntimeError, "Response content shorter than Content-Length");
        return false;
      case Conversation::Sent::kGood:
        break;
    }
    if (conversation_->state() == Conversation::State::kComplete) receive_waiters_.wake();
    return true;
  }

  std::shared_ptr<AppContext> app_;
  std::shared_ptr<LoopConversation> conversation_;
  Waiters receive_waiters_;
  Waiters send_waiters_;
};

using Type = CallablesType<AsgiCallables>;

bool ready_asgi_types() { return Type::ready(); }

PyRef make_asgi_callables(std::shared_ptr<AppContext> app, std::shared_ptr<LoopConversation> conversation) {
  return Type::make(std::move(app), std::move(conversation));
}

bool take_body_piece(LoopConversation& conversation, BodyPiece& out) {
  const Conversation::Received received = conversation.receive(out.bytes, out.more_body);
  out.disconnected = received == Conversation::Received::kDisconnect;
  return received != Conversation::Received::kNothing;
}

PyRef await_body_piece(PyObject* callables) {
  return PyRef::steal(make_awaitable(callables, Type::of(callables).receive_piece_operation, nullptr));
}

void take_awaited_piece(PyObject* callables, BodyPiece& out) { std::swap(Type::of(callables).piece, out); }

PyRef receive_of(PyObject* callables) { return Type::receive_of(callables); }
PyRef send_of(PyObject* callables) { return Type::send_of(callables); }

PyRef call_application(PyObject* application, PyObject* scope, PyObject* receive, PyObject* send) {
  if (scope == nullptr || receive == nullptr || send == nullptr) return {};
  std::array<PyObject*, 3> arguments{scope, receive, send};
  return PyRef::steal(PyObject_Vectorcall(application, arguments.data(), arguments.size(), nullptr));
}

}  // namespace data_bridge::bridge
