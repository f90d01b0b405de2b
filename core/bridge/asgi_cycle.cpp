// The order of ASGI messages in and out of one exchange, as in uvicorn's httptools_impl.py.
#include "bridge/asgi_cycle.hpp"

#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "bridge/asgi_awaitable.hpp"
#include "bridge/asgi_message.hpp"
#include "bridge/waiters.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

class AsgiCycle final : public InboxReader {
 public:
  AsgiCycle(std::shared_ptr<AppContext> app, const Incoming& incoming, std::shared_ptr<BodyInbox> inbox)
      : app_(std::move(app)),
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
    receive_waiters_.wake();
    if (!inbox_->write_paused()) drain_waiters_.wake();
  }

  void send_500() {
    started_ = true;
    complete_ = true;
    static constexpr http::Header kHeaders[] = {
        {"content-type", "text/plain; charset=utf-8"}, {"content-length", "21"}, {"connection", "close"}};
    with_exchange([](http::Exchange& exchange, BodyInbox& inbox) {
      inbox.detach(exchange);
      exchange.respond(500, kHeaders, "Internal Server Error");
    });
  }

  /// The application has failed behind its first message, as `self.transport.close()` in uvicorn's run_asgi().
  void close() {
    if (std::exchange(complete_, true)) {
      reply_.close_connection();
      return;
    }
    with_exchange([](http::Exchange& exchange, BodyInbox& inbox) {
      inbox.detach(exchange);
      exchange.abort();
    });
  }

  /// The application's call is over: whoever still waits in receive() learns of it.
  void end() noexcept {
    complete_ = true;
    receive_waiters_.wake();
    drain_waiters_.wake();
  }

  [[nodiscard]] bool started() const noexcept { return started_; }
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  [[nodiscard]] bool disconnected() const noexcept { return inbox_->disconnected(); }

  int traverse(visitproc visit, void* arg) {
    const int stop = receive_waiters_.traverse(visit, arg);
    return stop != 0 ? stop : drain_waiters_.traverse(visit, arg);
  }
  void clear() noexcept {
    receive_waiters_.clear();
    drain_waiters_.clear();
  }

  Receive receive_operation{*this};
  Send send_operation{*this};

 private:
  /// Runs `action(Exchange&, BodyInbox&)` on the exchange's thread unless the exchange is gone.
  template <typename Action>
  void with_exchange(Action action) {
    reply_.perform(
        [inbox = inbox_, action = std::move(action)](http::Exchange& exchange) mutable { action(exchange, *inbox); });
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
        result = receive_waiters_.add(app_->loop.get());
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
    if (inbox_->must_wait_to_write()) {
      result = drain_waiters_.add(app_->loop.get());
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
      reply_.perform([&](http::Exchange& exchange) {
        exchange.start(start.status, start.headers);
        // A stream's head: what makes the stream may take its time. That of an answer with a length waits for its body,
        // which is there already nearly always, to spare a system call.
        if (chunked_) exchange.flush();
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
    const bool last = !body.more_body && remaining_ == 0;
    write(is_head_ ? std::string_view() : piece, last);
    if (body.more_body) return true;
    if (!last) {
      PyErr_SetString(PyExc_RuntimeError, "Response content shorter than Content-Length");
      return false;
    }
    complete_ = true;
    receive_waiters_.wake();
    return true;
  }

  /// A piece of the body; with `last` it ends the answer. On this thread it leaves at once, before the application goes
  /// on, which may take long, be it to the next piece or to a background task.
  void write(std::string_view piece, bool last) {
    if (reply_.local()) {
      reply_.perform([&](http::Exchange& exchange) { write_to(exchange, *inbox_, piece, last, true); });
      return;
    }
    inbox_->note_sent(piece.size());
    with_exchange([owned = std::string(piece), last](http::Exchange& exchange, BodyInbox& inbox) {
      write_to(exchange, inbox, owned, last, false);
    });
  }

  static void write_to(http::Exchange& exchange, BodyInbox& inbox, std::string_view piece, bool last, bool local) {
    exchange.write(piece);
    if (last) {
      inbox.detach(exchange);
      exchange.finish();
    }
    if (local) exchange.flush();
    if (!last) inbox.note_written(exchange, local ? 0 : piece.size());
  }

  std::shared_ptr<AppContext> app_;
  Reply reply_;
  std::shared_ptr<BodyInbox> inbox_;
  Waiters receive_waiters_;
  Waiters drain_waiters_;
  std::int64_t remaining_ = 0;  // of a declared content-length
  bool is_head_;
  bool wants_continue_;
  bool chunked_ = false;
  bool started_ = false;
  bool complete_ = false;
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

PyRef make_asgi_cycle(std::shared_ptr<AppContext> app, const Incoming& incoming, std::shared_ptr<BodyInbox> inbox) {
  auto* self = PyObject_GC_New(CycleObject, cycle_type);
  if (self == nullptr) return {};
  new (&self->cycle) AsgiCycle(std::move(app), incoming, std::move(inbox));
  PyObject* object = reinterpret_cast<PyObject*>(self);
  PyObject_GC_Track(object);
  return PyRef::steal(object);
}

PyRef cycle_receive(PyObject* cycle) { return PyRef::steal(PyCFunction_New(&receive_definition, cycle)); }
PyRef cycle_send(PyObject* cycle) { return PyRef::steal(PyCFunction_New(&send_definition, cycle)); }
bool cycle_started(PyObject* cycle) noexcept { return cycle_of(cycle).started(); }
bool cycle_complete(PyObject* cycle) noexcept { return cycle_of(cycle).complete(); }
bool cycle_disconnected(PyObject* cycle) noexcept { return cycle_of(cycle).disconnected(); }
void cycle_send_500(PyObject* cycle) { cycle_of(cycle).send_500(); }
void cycle_close(PyObject* cycle) { cycle_of(cycle).close(); }
void cycle_end(PyObject* cycle) { cycle_of(cycle).end(); }

}  // namespace data_bridge::bridge
