// ASGI messages in and out of one exchange; checks, order and messages as in uvicorn's httptools_impl.py.
#include "bridge/asgi_cycle.hpp"

#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bridge/asgi_awaitable.hpp"
#include "bridge/text.hpp"
#include "http/characters.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

struct Names {
  PyObject* type = PyUnicode_InternFromString("type");
  PyObject* body = PyUnicode_InternFromString("body");
  PyObject* more_body = PyUnicode_InternFromString("more_body");
  PyObject* status = PyUnicode_InternFromString("status");
  PyObject* headers = PyUnicode_InternFromString("headers");
  PyObject* http_request = PyUnicode_InternFromString("http.request");
  PyObject* http_disconnect = PyUnicode_InternFromString("http.disconnect");
  PyObject* create_future = PyUnicode_InternFromString("create_future");
  PyObject* set_result = PyUnicode_InternFromString("set_result");
  PyObject* done = PyUnicode_InternFromString("done");
};

const Names& names() {
  static const Names instance;
  return instance;
}

// ASCII separators and controls: what uvicorn's HEADER_RE refuses in a name.
bool valid_name(std::string_view name) noexcept {
  constexpr std::string_view kRefused = "()<>@,;:[]={} \t\\\"";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || kRefused.find(c) != std::string_view::npos) return false;
  }
  return true;
}

bool valid_value(std::string_view value) noexcept {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return false;
  }
  return true;
}

/// The bytes of a bytes, bytearray or memoryview; false with an exception set.
class ByteView {
 public:
  ~ByteView() {
    if (held_) PyBuffer_Release(&buffer_);
  }
  ByteView() = default;
  ByteView(const ByteView&) = delete;
  ByteView& operator=(const ByteView&) = delete;

  bool open(PyObject* object) noexcept {
    held_ = PyObject_GetBuffer(object, &buffer_, PyBUF_SIMPLE) == 0;
    return held_;
  }
  [[nodiscard]] std::string_view view() const noexcept {
    return {static_cast<const char*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
  }

 private:
  Py_buffer buffer_{};
  bool held_ = false;
};

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
    const Names& name = names();
    PyRef message;
    switch (received) {
      case BodyInbox::Received::kNothing:
        result = wait_on(receive_waiter_);
        return result ? Outcome::kWait : Outcome::kError;
      case BodyInbox::Received::kDisconnect:
        message = PyRef::steal(PyDict_New());
        if (!message || PyDict_SetItem(message.get(), name.type, name.http_disconnect) != 0) return Outcome::kError;
        break;
      case BodyInbox::Received::kBody: {
        if (inbox_->take_resume_wish()) {
          with_exchange([](http::Exchange& exchange, BodyInbox& /*inbox*/) { exchange.resume_body(); });
        }
        message = PyRef::steal(PyDict_New());
        PyRef bytes = PyRef::steal(PyBytes_FromStringAndSize(body.data(), static_cast<Py_ssize_t>(body.size())));
        if (!message || !bytes || PyDict_SetItem(message.get(), name.type, name.http_request) != 0 ||
            PyDict_SetItem(message.get(), name.body, bytes.get()) != 0 ||
            PyDict_SetItem(message.get(), name.more_body, more_body ? Py_True : Py_False) != 0) {
          return Outcome::kError;
        }
      }
    }
    result = std::move(message);
    return Outcome::kDone;
  }

  Outcome send(PyObject* message, PyRef& result) {
    if (inbox_->write_paused()) {
      result = wait_on(drain_waiter_);
      return result ? Outcome::kWait : Outcome::kError;
    }
    result = PyRef::borrow(Py_None);
    if (inbox_->disconnected()) return Outcome::kDone;
    PyRef type = PyRef::steal(PyObject_GetItem(message, names().type));
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
    const Names& name = names();
    PyRef status_object = PyRef::steal(PyObject_GetItem(message, name.status));
    if (!status_object) return false;
    const long status = PyLong_AsLong(status_object.get());
    if (status == -1 && PyErr_Occurred() != nullptr) return false;
    if (status < 100 || status > 599) {
      PyErr_SetObject(PyExc_KeyError, status_object.get());
      return false;
    }
    PyRef fields;
    if (PyMapping_HasKey(message, name.headers) != 0) {
      PyRef headers = PyRef::steal(PyObject_GetItem(message, name.headers));
      if (!headers) return false;
      fields = PyRef::steal(PySequence_Fast(headers.get(), "headers must be iterable"));
    } else {
      fields = PyRef::steal(PyTuple_New(0));
    }
    if (!fields) return false;
    std::vector<http::Header> headers;
    std::vector<PyRef> pairs;  // what the views point into
    bool has_length = false;
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(fields.get());
    headers.reserve(static_cast<std::size_t>(count));
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyRef pair = PyRef::steal(PySequence_Fast(PySequence_Fast_GET_ITEM(fields.get(), i), "a header is a pair"));
      if (!pair) return false;
      if (PySequence_Fast_GET_SIZE(pair.get()) != 2) {
        PyErr_SetString(PyExc_ValueError, "a header is a pair of bytes");
        return false;
      }
      PyRef field_name = PyRef::borrow(PySequence_Fast_GET_ITEM(pair.get(), 0));
      PyRef field_value = PyRef::borrow(PySequence_Fast_GET_ITEM(pair.get(), 1));
      if (!PyBytes_Check(field_name.get()) || !PyBytes_Check(field_value.get())) {
        PyErr_SetString(PyExc_TypeError, "header names and values must be bytes");
        return false;
      }
      const std::string_view raw_name = view_of(field_name.get());
      const std::string_view value = view_of(field_value.get());
      if (!valid_name(raw_name)) {
        PyErr_SetString(PyExc_RuntimeError, "Invalid HTTP header name.");
        return false;
      }
      if (!valid_value(value)) {
        PyErr_SetString(PyExc_RuntimeError, "Invalid HTTP header value.");
        return false;
      }
      if (http::equals_ignoring_case(raw_name, "content-length") && !has_length) {
        PyRef text = PyRef::steal(PyUnicode_DecodeASCII(value.data(), static_cast<Py_ssize_t>(value.size()), nullptr));
        PyRef number = PyRef::steal(text ? PyLong_FromUnicodeObject(text.get(), 10) : nullptr);
        if (!number) return false;
        const long long length = PyLong_AsLongLong(number.get());
        if (length == -1 && PyErr_Occurred() != nullptr) return false;
        remaining_ = length;
        has_length = true;
      } else if (http::equals_ignoring_case(raw_name, "transfer-encoding") && http::equals_ignoring_case(value, "chunked")) {
        continue;  // the writer frames the body itself where there is no content-length
      }
      PyRef lower = PyRef::steal(lowercase_bytes(raw_name));
      if (!lower) return false;
      headers.push_back({view_of(lower.get()), value});
      pairs.push_back(std::move(lower));
      pairs.push_back(std::move(field_value));
    }
    chunked_ = !has_length && !is_head_ && status != 204 && status != 304;
    if (reply_.local()) {
      reply_.perform([&](http::Exchange* exchange) {
        if (exchange != nullptr) exchange->start(static_cast<int>(status), headers);
      });
    } else {
      with_exchange([status, owned = OwnedHeaders(headers)](http::Exchange& exchange, BodyInbox& /*inbox*/) {
        exchange.start(static_cast<int>(status), owned.view());
      });
    }
    return true;
  }

  bool send_body(PyObject* message) {
    const Names& name = names();
    bool more_body = false;
    ByteView bytes;
    PyRef body;
    if (PyMapping_HasKey(message, name.body) != 0) {
      body = PyRef::steal(PyObject_GetItem(message, name.body));
      if (!body || !bytes.open(body.get())) return false;
    }
    if (PyMapping_HasKey(message, name.more_body) != 0) {
      PyRef more = PyRef::steal(PyObject_GetItem(message, name.more_body));
      const int truth = more ? PyObject_IsTrue(more.get()) : -1;
      if (truth < 0) return false;
      more_body = truth == 1;
    }
    const std::string_view piece = body ? bytes.view() : std::string_view();
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
    if (more_body) return true;
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

  static std::string_view view_of(PyObject* bytes) noexcept {
    return {PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))};
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
