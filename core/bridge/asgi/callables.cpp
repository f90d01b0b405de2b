// The order of ASGI messages in and out of one exchange, as in uvicorn's httptools_impl.py.
#include "bridge/asgi/callables.hpp"

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bridge/access_lines.hpp"
#include "bridge/asgi/awaitable.hpp"
#include "bridge/asgi/callables_type.hpp"
#include "bridge/asgi/message.hpp"
#include "bridge/asgi/names.hpp"
#include "bridge/asgi/waiters.hpp"
#include "http/response_fields.hpp"
#include "http/status.hpp"

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

  /// A piece of the body that is not its last, without a message around it.
  Attempt send_piece(std::string_view bytes, PyRef& result) {
    if (const auto attempt = await_room(result)) return *attempt;
    PyObject* const type = asgi_names().http_response_body;
    return is_open(type) && expect(type, expected_type()) && write(bytes, true) ? Attempt::kDone : Attempt::kError;
  }

  void on_change() noexcept override {
    receive_waiters_.wake();
    if (!conversation_->send_paused()) send_waiters_.wake();
  }

  int traverse(visitproc visit, void* arg) {
    Py_VISIT(file_message_.get());
    Py_VISIT(file_path_.get());
    Py_VISIT(scope_.get());
    const int stop = receive_waiters_.traverse(visit, arg);
    return stop != 0 ? stop : send_waiters_.traverse(visit, arg);
  }
  [[nodiscard]] bool has_begun() const noexcept { return conversation_->state() != Conversation::State::kWaiting; }
  void set_scope(PyObject* scope) noexcept { scope_ = PyRef::borrow(scope); }
  void clear() noexcept {
    scope_.reset();
    receive_waiters_.clear();
    send_waiters_.clear();
    const PyRef message = std::move(file_message_);
    const PyRef path = std::move(file_path_);
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
    if (message == file_message_.get()) return await_file(result);
    if (const auto attempt = await_room(result)) return *attempt;
    const PyRef owner = message_type(message);
    PyObject* const type = owner.get();
    if (type == nullptr || !is_open(type)) return Attempt::kError;
    const Conversation::State state = conversation_->state();
    const bool is_started = state == Conversation::State::kStarted;
    if (is_started && !body_begun_ && is(type, asgi_names().http_response_pathsend)) return send_file(message, result);
    if (!expect(type, expected_type())) return Attempt::kError;
    const bool sent = is_started                                ? send_body(message)
                      : state == Conversation::State::kTrailers ? send_trailers(message)
                                                                : send_start(message);
    return sent ? Attempt::kDone : Attempt::kError;
  }

  // Nothing where something may be sent now, and `result` is None; nobody hears of what goes to a client that has left.
  std::optional<Attempt> await_room(PyRef& result) {
    const Conversation::Room room = conversation_->room_to_send();
    if (room == Conversation::Room::kNo) {
      result = send_waiters_.add(app_->loop.get());
      return result ? Attempt::kWait : Attempt::kError;
    }
    result = PyRef::borrow(Py_None);
    return room == Conversation::Room::kGone ? std::optional(Attempt::kDone) : std::nullopt;
  }

  // False with an exception set once the answer is whole. `type`: of the message that comes then.
  [[nodiscard]] bool is_open(PyObject* type) const {
    const Conversation::State state = conversation_->state();
    if (state != Conversation::State::kComplete && state != Conversation::State::kSendingFile) return true;
    PyErr_Format(PyExc_RuntimeError, "Unexpected ASGI message '%S' sent, after response already completed.", type);
    return false;
  }
  // Of the message that may come now.
  [[nodiscard]] PyObject* expected_type() const {
    switch (conversation_->state()) {
      case Conversation::State::kStarted:
        return asgi_names().http_response_body;
      case Conversation::State::kTrailers:
        return asgi_names().http_response_trailers;
      default:
        return asgi_names().http_response_start;
    }
  }
  static bool is(PyObject* type, PyObject* name) noexcept {
    return type == name || (PyUnicode_Check(type) && PyUnicode_Compare(type, name) == 0);
  }
  static bool expect(PyObject* type, PyObject* name) {
    if (is(type, name)) return true;
    PyErr_Format(PyExc_RuntimeError, "Expected ASGI message '%U', but got '%S'.", name, type);
    return false;
  }

  // Whoever calls `send` is the application with its middleware: what is compiled answers without it.
  bool send_start(PyObject* message) {
    conversation_->leave_layers();
    StartMessage start;
    const bool is_good = read_start_message(message, start);
    if (is_good && !agrees_on_length(start)) return false;
    conversation_->announce_start();
    if (!is_good) return false;
    const PyRef scope = std::move(scope_);
    if (!log_access(*app_, *conversation_, scope.get(), start.status)) return false;
    conversation_->start(start.status, start.headers, start.content_length, start.trailers);
    return true;
  }

  // False with an exception set where a client would not know what to take. Only a head that no body follows may leave.
  bool agrees_on_length(const StartMessage& start) {
    if (!start.repeats_length || !http::ResponseFields(start.headers).lengths_differ ||
        http::is_bodiless(start.status) || conversation_->request().head().method == "HEAD") {
      return true;
    }
    PyErr_SetString(PyExc_RuntimeError, "Response has Content-Length headers that differ");
    return false;
  }

  bool send_body(PyObject* message) {
    BodyMessage body;
    return read_body_message(message, body) && write(body.bytes.view(), body.more_body);
  }
  bool write(std::string_view bytes, bool more_body) {
    body_begun_ = true;
    switch (conversation_->send(bytes, more_body)) {
      case Conversation::Sent::kTooLong:
        return refuse_length(true);
      case Conversation::Sent::kTooShort:
        return refuse_length(false);
      case Conversation::Sent::kGood:
        break;
    }
    wake_if_complete();
    return true;
  }

  static bool refuse_length(bool longer) {
    PyErr_SetString(PyExc_RuntimeError, longer ? "Response content longer than Content-Length"
                                               : "Response content shorter than Content-Length");
    return false;
  }
  void wake_if_complete() {
    if (conversation_->state() == Conversation::State::kComplete) receive_waiters_.wake();
  }

  Attempt send_file(PyObject* message, PyRef& result) {
    PathMessage file;
    if (!read_path_message(message, file)) return Attempt::kError;
    file_path_ = std::move(file.path);
    file_message_ = PyRef::borrow(message);
    conversation_->send_file(std::move(file.encoded), std::move(file.parts), std::move(file.after));
    return await_file(result);
  }

  // What follows, a background task that deletes the file, may count on its having left.
  Attempt await_file(PyRef& result) {
    const Conversation::FileOutcome outcome = conversation_->file_outcome();
    if (outcome.state == Conversation::FileState::kOnItsWay) {
      result = send_waiters_.add(app_->loop.get());
      return result ? Attempt::kWait : Attempt::kError;
    }
    const PyRef message = std::move(file_message_);
    const PyRef path = std::move(file_path_);
    wake_if_complete();
    result = PyRef::borrow(Py_None);
    switch (outcome.state) {
      case Conversation::FileState::kNotOpened:
        errno = outcome.error;
        PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path.get());
        return Attempt::kError;
      case Conversation::FileState::kTooLong:
      case Conversation::FileState::kTooShort:
        refuse_length(outcome.state == Conversation::FileState::kTooLong);
        return Attempt::kError;
      default:
        return Attempt::kDone;
    }
  }

  bool send_trailers(PyObject* message) {
    StartMessage trailers;
    bool more = false;
    if (!read_trailers_message(message, trailers, more)) return false;
    conversation_->send_trailers(trailers.headers, more);
    wake_if_complete();
    return true;
  }

  std::shared_ptr<AppContext> app_;
  std::shared_ptr<LoopConversation> conversation_;
  PyRef scope_;  // for the line of the access log
  Waiters receive_waiters_;
  Waiters send_waiters_;
  bool body_begun_ = false;
  PyRef file_message_;  // an `http.response.pathsend` that is under way
  PyRef file_path_;
};

using Type = CallablesType<AsgiCallables>;

bool ready_asgi_types() { return Type::ready(); }

PyRef make_asgi_callables(std::shared_ptr<AppContext> app, std::shared_ptr<LoopConversation> conversation) {
  return Type::make(std::move(app), std::move(conversation));
}

Attempt send_piece(PyObject* send, std::string_view piece, PyRef& result) {
  return Type::of(PyCFunction_GET_SELF(send)).send_piece(piece, result);
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

void set_scope(PyObject* callables, PyObject* scope) { Type::of(callables).set_scope(scope); }

PyRef receive_of(PyObject* callables) { return Type::receive_of(callables); }
PyRef send_of(PyObject* callables) { return Type::send_of(callables); }

bool is_send(PyObject* object) noexcept { return Type::is_send(object); }

bool has_begun(PyObject* send) noexcept { return is_send(send) && Type::of(PyCFunction_GET_SELF(send)).has_begun(); }

PyRef call_application(PyObject* application, PyObject* scope, PyObject* receive, PyObject* send) {
  if (scope == nullptr || receive == nullptr || send == nullptr) return {};
  std::array<PyObject*, 3> arguments{scope, receive, send};
  return PyRef::steal(PyObject_Vectorcall(application, arguments.data(), arguments.size(), nullptr));
}

}  // namespace data_bridge::bridge
