// The order of ASGI messages in and out of one exchange, as in uvicorn's httptools_impl.py.
#include "bridge/asgi_cycle.hpp"

#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "bridge/asgi_awaitable.hpp"
#include "bridge/asgi_message.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

struct Names {
  PyObject* create_future = PyUnicode_InternFromString("create_future");
  PyObject* set_result = PyUnicode_InternFromString("set_result");
  PyObject* done = PyUnicode_InternFromString("done");
};

const Names& names() {
  static const Names instance;
  return instance;
}

}  // namespace

class AsgiCycle final : public InboxReader {
 public:
  AsgiCycle(AppContext& app, const Incoming& incoming, std::shared_ptr<BodyInbox> inbox)
      : app_(app),
        reply_(incoming.reply),
        inbox_(std::move(inbox)),
        is_head_(incoming.request->head().method == "HEAD"),
        wants_continue_(incoming.request->head().expects_continue) {
    inbox_->set_reader(this);
  }
  AsgiCycle(const AsgiCycle&) = delete;
  AsgiCycle& operator=(const AsgiCycle&) = delete;
  virtual ~AsgiCycle() { inbox_->set_reader(nullptr); }

  /// `receive()` and `send(message)`, when awaited.
  struct Receive final : Operation {
    explicit Receive(AsgiCycle& cycle) : cycle_(cycle) {}
    Outcome attempt(PyObject* /*argument*/, PyRef& result) override { return cycle_.receive(result); }
    AsgiCycle& cycle_;
  };
  struct Send final : Operation {
    explicit Send(AsgiCycle& cycle) : cycle_(cycle) {}
    Outcome attempt(PyObject* message, PyRef& result) override { return cycle_.send(message, result); }
    AsgiCycle& cycle_;
  };

  void on_inbox() noexcept override {
    wake(receive_waiter_);
    if (!inbox_->write_paused()) wake(drain_waiter_);
  }

  void hold_end() noexcept { holds_end_ = true; }

  void release_end(bool close) {
    holds_end_ = false;
    if (std::exchange(end_is_held_, false)) finish(close);
  }

  void send_500() {
    started_ = true;
    complete_ = true;
    static constexpr http::Header kHeaders[] = {
        {"content-type", "text/plain; charset=utf-8"}, {"content-length", "21"}, {"connection", "close"}};
    with_exchange([](http::Exchange& exchange, BodyInbox& inbox) {
      inbox.detach();
      exchange.respond(500, kHeaders, "Internal Server Error");
    });
  }

  void abort() {
    complete_ = true;
    end_is_held_ = false;
    with_exchange([](http::Exchange& exchange, BodyInbox& inbox) {
      inbox.detach();
      exchange.abort();
    });
  }

  /// The application's call is over: whoever still waits in receive() learns of it.
  void end() noexcept {
    complete_ = true;
    wake(receive_waiter_);
    wake(drain_waiter_);
  }

  [[nodiscard]] bool started() const noexcept { return started_; }
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  [[nodiscard]] bool disconnected() const noexcept { return inbox_->disconnected(); }

  int traverse(visitproc visit, void* arg) {
    Py_VISIT(receive_waiter_.get());
    Py_VISIT(drain_waiter_.get());
    return 0;
  }
  void clear() noexcept {
    receive_waiter_.reset();
    drain_waiter_.reset();
  }

  Receive receive_operation{*this};
  Send send_operation{*this};

 private:
  /// Runs `action(Exchange&, BodyInbox&)` on the exchange's thread unless the exchange is gone.
  template <typename Action>
  void with_exchange(Action action) {
    reply_.perform([inbox = inbox_, action = std::move(action)](http::Exchange* exchange) mutable {
      if (exchange != nullptr) action(*exchange, *inbox);
    });
  }

  Outcome receive(PyRef& result) {
    if (std::exchange(wants_continue_, false) && !started_) {
      with_exchange([](http::Exchange& exchange, BodyInbox& /*inbox*/) { exchange.want_body(); });
    }
    std::string body;
    bool more_body = false;
    const auto received = complete_ ? BodyInbox::Received::kDisconnect : inbox_->receive(body, more_body);
    switch (received) {
      case BodyInbox::Received::kNothing:
        result = wait_on(receive_waiter_);
        return result ? Outcome::kWait : Outcome::kError;
      case BodyInbox::Received::kDisconnect:
        result = make_disconnect_message();
        break;
      case BodyInbox::Received::kBody:
        if (inbox_->take_resume_wish()) {
          with_exchange([](http::Exchange& exchange, BodyInbox& /*inbox*/) { exchange.resume_body(); });
        }
        result = make_request_message(body, more_body);
        break;
    }
    return result ? Outcome::kDone : Outcome::kError;
  }

  Outcome send(PyObject* message, PyRef& result) {
    if (inbox_->write_paused()) {
      result = wait_on(drain_waiter_);
      return result ? Outcome::kWait : Outcome::kError;
    }
    result = PyRef::borrow(Py_None);
    if (inbox_->disconnected()) return Outcome::kDone;
    PyRef type = message_type(message);
    if (!type) return Outcome::kError;
    if (complete_) {
      PyErr_Format(PyExc_RuntimeError, "Unexpected ASGI message '%S' sent, after response already completed.",
                   type.get());
      return Outcome::kError;
    }
    const char* expected = started_ ? "http.response.body" : "http.response.start";
    if (!PyUnicode_Check(type.get()) || PyUnicode_CompareWithASCIIString(type.get(), expected) != 0) {
      PyErr_Format(PyExc_RuntimeError, "Expected ASGI message '%s', but got '%S'.", expected, type.get());
      return Outcome::kError;
    }
    const bool sent = started_ ? send_body(message) : send_start(message);
    return sent ? Outcome::kDone : Outcome::kError;
  }

  bool send_start(PyObject* message) {
    started_ = true;
    wants_continue_ = false;
    StartMessage start;
    if (!read_start_message(message, start)) return false;
    remaining_ = start.content_length.value_or(0);
    chunked_ = !start.content_length && !is_head_ && start.status != 204 && start.status != 304;
    if (reply_.local()) {
      reply_.perform([&](http::Exchange* exchange) {
        if (exchange != nullptr) exchange->start(start.status, start.headers);
      });
    } else {
      with_exchange([status = start.status, owned = OwnedHeaders(start.headers)](
                        http::Exchange& exchange, BodyInbox& /*inbox*/) { exchange.start(status, owned.view()); });
    }
    return true;
  }

  bool send_body(PyObject* message) {
    BodyMessage body;
    if (!read_body_message(message, body)) return false;
    const std::string_view piece = body.bytes.view();
    if (is_head_) {
      remaining_ = 0;
    } else if (!chunked_) {
      if (static_cast<std::int64_t>(piece.size()) > remaining_) {
        PyErr_SetString(PyExc_RuntimeError, "Response content longer than Content-Length");
        return false;
      }
      remaining_ -= static_cast<std::int64_t>(piece.size());
    }
    if (!piece.empty() && !is_head_) write(piece);
    if (body.more_body) return true;
    if (remaining_ != 0) {
      PyErr_SetString(PyExc_RuntimeError, "Response content shorter than Content-Length");
      return false;
    }
    complete_ = true;
    if (holds_end_) {
      end_is_held_ = true;
    } else {
      finish(false);
    }
    wake(receive_waiter_);
    return true;
  }

  void write(std::string_view piece) {
    if (reply_.local()) {
      reply_.perform([&](http::Exchange* exchange) {
        if (exchange == nullptr) return;
        exchange->write(piece);
        inbox_->note_unsent(*exchange);
      });
      return;
    }
    with_exchange([owned = std::string(piece)](http::Exchange& exchange, BodyInbox& inbox) {
      exchange.write(owned);
      inbox.note_unsent(exchange);
    });
  }

  void finish(bool close) {
    with_exchange([close](http::Exchange& exchange, BodyInbox& inbox) {
      inbox.detach();
      if (close) exchange.close_after();
      exchange.finish();
    });
  }

  PyRef wait_on(PyRef& slot) {
    slot = PyRef::steal(PyObject_CallMethodNoArgs(app_.loop.get(), names().create_future));
    return PyRef::borrow(slot.get());
  }

  void wake(PyRef& slot) noexcept {
    if (!slot) return;
    PyRef future = std::move(slot);
    PyRef done = PyRef::steal(PyObject_CallMethodNoArgs(future.get(), names().done));
    if (done && done.get() == Py_False) {
      PyRef result = PyRef::steal(PyObject_CallMethodOneArg(future.get(), names().set_result, Py_None));
    }
    if (PyErr_Occurred() != nullptr) PyErr_WriteUnraisable(future.get());
  }

  AppContext& app_;
  Reply reply_;
  std::shared_ptr<BodyInbox> inbox_;
  PyRef receive_waiter_;
  PyRef drain_waiter_;
  std::int64_t remaining_ = 0;  // of a declared content-length
  bool is_head_;
  bool wants_continue_;
  bool chunked_ = false;
  bool started_ = false;
  bool complete_ = false;
  bool holds_end_ = false;
  bool end_is_held_ = false;
};

namespace {

struct CycleObject {
  PyObject_HEAD AsgiCycle cycle;
};

PyTypeObject* cycle_type = nullptr;

AsgiCycle& cycle_of(PyObject* object) noexcept { return reinterpret_cast<CycleObject*>(object)->cycle; }

int traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(object));
  return cycle_of(object).traverse(visit, arg);
}

int clear(PyObject* object) {
  cycle_of(object).clear();
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  cycle_of(object).~AsgiCycle();
  type->tp_free(object);
  Py_DECREF(type);
}

PyObject* receive_method(PyObject* object, PyObject* /*unused*/) {
  return make_awaitable(object, cycle_of(object).receive_operation, nullptr);
}

PyObject* send_method(PyObject* object, PyObject* message) {
  return make_awaitable(object, cycle_of(object).send_operation, message);
}

PyMethodDef receive_definition = {"receive", receive_method, METH_NOARGS,
                                  "receive() -> awaitable of the next ASGI message of this request."};
PyMethodDef send_definition = {"send", send_method, METH_O,
                               "send(message) -> awaitable that sends an ASGI message of this request's answer."};

}  // namespace

bool ready_asgi_types() {
  if (cycle_type != nullptr) return true;
  static PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
      {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(clear)},
      {0, nullptr},
  };
  static PyType_Spec spec = {"data_bridge._core.AsgiCycle", sizeof(CycleObject), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  cycle_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return cycle_type != nullptr && ready_awaitable_type();
}

PyRef make_asgi_cycle(AppContext& app, const Incoming& incoming, std::shared_ptr<BodyInbox> inbox) {
  auto* self = PyObject_GC_New(CycleObject, cycle_type);
  if (self == nullptr) return {};
  new (&self->cycle) AsgiCycle(app, incoming, std::move(inbox));
  PyObject* object = reinterpret_cast<PyObject*>(self);
  PyObject_GC_Track(object);
  return PyRef::steal(object);
}

PyRef cycle_receive(PyObject* cycle) { return PyRef::steal(PyCFunction_New(&receive_definition, cycle)); }
PyRef cycle_send(PyObject* cycle) { return PyRef::steal(PyCFunction_New(&send_definition, cycle)); }
void cycle_hold_end(PyObject* cycle) { cycle_of(cycle).hold_end(); }
void cycle_release_end(PyObject* cycle, bool close) { cycle_of(cycle).release_end(close); }
bool cycle_started(PyObject* cycle) noexcept { return cycle_of(cycle).started(); }
bool cycle_complete(PyObject* cycle) noexcept { return cycle_of(cycle).complete(); }
bool cycle_disconnected(PyObject* cycle) noexcept { return cycle_of(cycle).disconnected(); }
void cycle_send_500(PyObject* cycle) { cycle_of(cycle).send_500(); }
void cycle_abort(PyObject* cycle) { cycle_of(cycle).abort(); }
void cycle_end(PyObject* cycle) { cycle_of(cycle).end(); }

}  // namespace data_bridge::bridge
