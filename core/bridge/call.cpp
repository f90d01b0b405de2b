// Runs one request's coroutine and ends its exchange as uvicorn's run_asgi() does.
#include "bridge/call.hpp"

#include <array>

#include "bridge/asgi_cycle.hpp"
#include "bridge/coroutine_type.hpp"
#include "bridge/scope.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

bool is_local(const AppContext& app, const http::Exchange& exchange) noexcept {
  return &exchange.reactor() == &app.core.reactor();
}

}  // namespace

Call::Call(AppContext& app, std::shared_ptr<const void> keeps_app, http::Exchange& exchange, Body body)
    : app_(app),
      keeps_app_(std::move(keeps_app)),
      incoming_(exchange, is_local(app, exchange)),
      waiting_size_(waiting_size(exchange)),
      body_(body) {
  const bool local = incoming_.reply.local();
  if (body == Body::kStream) {
    inbox_ = std::make_shared<BodyInbox>(app_.core, local);
    if (!exchange.request().has_body()) inbox_->set_whole_body({});
    inbox_->attach(exchange);
  } else if (!local) {
    presence_ = std::make_shared<Presence>();
    presence_->attach(exchange);
  }
}

std::size_t Call::waiting_size(const http::Exchange& exchange) noexcept {
  const http::Request& request = exchange.request();
  return sizeof(Call) + request.target.size() + exchange.body().size();
}

// On Python's own thread a request begins in the turn in which it came in: nothing waits.
bool Call::admit(AppContext& app, http::Exchange& exchange) {
  if (is_local(app, exchange) || app.waiting.enter(waiting_size(exchange))) return true;
  static constexpr http::Header kHeaders[] = {{"content-type", "text/plain; charset=utf-8"}, {"retry-after", "1"}};
  exchange.respond(503, kHeaders, "Service Unavailable");
  return false;
}

void Call::submit(Call& call) {
  AppContext& app = call.app_;
  app.in_flight.fetch_add(1, std::memory_order_relaxed);
  if (call.incoming_.reply.local()) {
    app.core.enqueue(call);
    return;
  }
  call.waiting_ = true;
  if (!app.mailbox->post(call)) call.drop();
}

void Call::run() noexcept {
  if (std::exchange(waiting_, false)) {
    app_.waiting.leave(waiting_size_);
    // The client has left before any code of the application had seen its request: the work would be nobody's.
    if (presence_ != nullptr ? presence_->gone() : inbox_->disconnected()) {
      app_.counters.abandoned.fetch_add(1, std::memory_order_relaxed);
      end();
      return;
    }
  }
  PyRef coroutine = begin();
  if (!coroutine || !pyloop::drive(app_.loop.get(), coroutine.get(), *this)) {
    PyRef exception = PyRef::steal(fetch_exception());
    done(exception ? nullptr : Py_None, exception.get());
  }
}

void Call::drop() noexcept {
  if (std::exchange(waiting_, false)) app_.waiting.leave(waiting_size_);
  end();
}

void Call::end() noexcept {
  app_.in_flight.fetch_sub(1, std::memory_order_release);
  delete this;
}

void Call::done(PyObject* result, PyObject* exception) noexcept {
  if (exception != nullptr) {
    fail(exception);
  } else if (result != Py_None) {
    report_breach(PyRef::steal(PyUnicode_FromFormat("ASGI callable should return None, but returned '%S'.", result)));
    if (cycle_) cycle_close(cycle_.get());
  } else if (cycle_ && !answered_ && !cycle_disconnected(cycle_.get())) {
    if (!cycle_started(cycle_.get())) {
      report_breach(PyRef::steal(PyUnicode_FromString("ASGI callable returned without starting response.")));
      cycle_send_500(cycle_.get());
    } else if (!cycle_complete(cycle_.get())) {
      report_breach(PyRef::steal(PyUnicode_FromString("ASGI callable returned without completing response.")));
      cycle_close(cycle_.get());
    }
  }
  if (cycle_) cycle_end(cycle_.get());
  end();
}

void Call::fail(PyObject* exception) noexcept {
  PyObject* const report = app_.hooks.report_exception.get();
  if (report != nullptr && !PyRef::steal(PyObject_CallOneArg(report, exception))) PyErr_WriteUnraisable(report);
  if (answered_) return;  // nothing runs behind an answer without a cycle that could fail
  if (cycle() == nullptr) {
    PyErr_WriteUnraisable(nullptr);
    incoming_.reply.abort();
  } else if (!cycle_started(cycle_.get())) {
    cycle_send_500(cycle_.get());
  } else {
    cycle_close(cycle_.get());
  }
}

void Call::report_breach(PyRef message) noexcept {
  PyObject* const report = app_.hooks.report_protocol.get();
  if (report == nullptr) return;
  if (!message || !PyRef::steal(PyObject_CallOneArg(report, message.get()))) PyErr_WriteUnraisable(report);
}

std::shared_ptr<BodyInbox> Call::inbox() {
  if (inbox_ != nullptr) return inbox_;
  inbox_ = std::make_shared<BodyInbox>(app_.core, incoming_.reply.local());
  if (body_ == Body::kWhole || !incoming_.request->head().has_body()) {
    inbox_->set_whole_body(incoming_.request->body());
  }
  if (presence_ != nullptr) {
    presence_->hand_over_to(inbox_, incoming_.reply);
  } else if (incoming_.reply.waits_here()) {
    incoming_.reply.perform([&](http::Exchange& exchange) { inbox_->attach(exchange); });
  } else {
    inbox_->disconnect();
  }
  return inbox_;
}

PyObject* Call::cycle() {
  if (!cycle_) cycle_ = make_asgi_cycle(std::shared_ptr<AppContext>(keeps_app_, &app_), incoming_, inbox());
  return cycle_.get();
}

void Call::respond(int status, std::string_view content_type, std::string_view body) {
  answered_ = true;
  std::move(incoming_.reply).respond(status, content_type, body);
}

void Call::respond(int status, std::span<const http::Header> headers, std::string_view body) {
  answered_ = true;
  std::move(incoming_.reply).respond(status, headers, body);
}

PyRef Call::application_coroutine() {
  app_.counters.bridged.fetch_add(1, std::memory_order_relaxed);
  if (cycle() == nullptr) return {};
  PyRef scope = make_http_scope(app_, incoming_);
  PyRef receive = cycle_receive(cycle_.get());
  PyRef send = cycle_send(cycle_.get());
  if (!scope || !receive || !send) return {};
  std::array<PyObject*, 3> arguments{scope.get(), receive.get(), send.get()};
  PyRef awaitable = PyRef::steal(PyObject_Vectorcall(app_.app.get(), arguments.data(), arguments.size(), nullptr));
  if (!awaitable || PyCoro_CheckExact(awaitable.get())) return awaitable;
  return PyRef::steal(PyObject_CallOneArg(app_.hooks.await_any.get(), awaitable.get()));
}

}  // namespace data_bridge::bridge
