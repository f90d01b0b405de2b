// Runs one request's coroutine and ends its exchange as uvicorn's run_asgi() does.
#include "bridge/call.hpp"

#include <array>

#include "bridge/asgi_cycle.hpp"
#include "bridge/coroutine_type.hpp"
#include "bridge/scope.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

Call::Call(AppContext& app, http::Exchange& exchange)
    : app_(app), incoming_(exchange, &exchange.connections().reactor() == &app.core.reactor()) {}

void Call::submit(Call& call) {
  call.app_.in_flight.fetch_add(1, std::memory_order_relaxed);
  if (call.incoming_.reply.local()) {
    call.app_.core.enqueue(call);
  } else {
    call.app_.core.post(call);
  }
}

void Call::run() noexcept {
  bool ended = false;  // done() destroys this object, also from inside drive()
  ended_in_first_step_ = &ended;
  PyRef coroutine = begin();
  if (!coroutine || !pyloop::drive(app_.loop.get(), coroutine.get(), *this)) {
    PyRef exception = PyRef::steal(fetch_exception());
    done(exception ? nullptr : Py_None, exception.get());
  }
  if (ended) return;
  ended_in_first_step_ = nullptr;
  if (cycle_) cycle_release_end(cycle_.get(), false);
}

void Call::drop() noexcept {
  app_.in_flight.fetch_sub(1, std::memory_order_release);
  destroy();
}

void Call::done(PyObject* result, PyObject* exception) noexcept {
  if (exception != nullptr) {
    fail(exception);
  } else if (result != Py_None) {
    breach("ASGI callable should return None, but returned something else.");
  } else if (cycle_ && !cycle_started(cycle_.get()) && !answered_) {
    if (!cycle_disconnected(cycle_.get())) {
      breach("ASGI callable returned without starting response.");
    }
  } else if (cycle_ && !cycle_complete(cycle_.get()) && !answered_) {
    if (!cycle_disconnected(cycle_.get())) breach("ASGI callable returned without completing response.");
  }
  if (cycle_) {
    cycle_release_end(cycle_.get(), exception != nullptr);
    cycle_end(cycle_.get());
  }
  if (ended_in_first_step_ != nullptr) *ended_in_first_step_ = true;
  app_.in_flight.fetch_sub(1, std::memory_order_release);
  destroy();
}

void Call::fail(PyObject* exception) noexcept {
  if (!PyRef::steal(PyObject_CallOneArg(app_.hooks.report_exception.get(), exception))) {
    PyErr_WriteUnraisable(app_.hooks.report_exception.get());
  }
  if (answered_) return;
  if (cycle() == nullptr) {
    PyErr_WriteUnraisable(nullptr);
    incoming_.reply.abort();
  } else if (!cycle_started(cycle_.get())) {
    cycle_send_500(cycle_.get());
  } else if (!cycle_complete(cycle_.get())) {
    cycle_abort(cycle_.get());
  }
}

void Call::breach(const char* message) noexcept {
  PyRef text = PyRef::steal(PyUnicode_FromString(message));
  if (!text || !PyRef::steal(PyObject_CallOneArg(app_.hooks.report_protocol.get(), text.get()))) {
    PyErr_WriteUnraisable(app_.hooks.report_protocol.get());
  }
  if (!cycle_ || answered_) return;
  if (!cycle_started(cycle_.get())) {
    cycle_send_500(cycle_.get());
  } else {
    cycle_abort(cycle_.get());
  }
}

PyObject* Call::cycle() {
  if (!cycle_) {
    cycle_ = make_asgi_cycle(app_, incoming_, inbox());
    if (cycle_ && ended_in_first_step_ != nullptr) cycle_hold_end(cycle_.get());
  }
  return cycle_.get();
}

void Call::respond(int status, std::string_view content_type, std::string_view body) {
  answered_ = true;
  incoming_.reply.respond(status, content_type, body);
}

void Call::respond(int status, std::span<const http::Header> headers, std::string_view body) {
  answered_ = true;
  incoming_.reply.respond(status, headers, body);
}

std::shared_ptr<BodyInbox> Call::late_inbox(std::optional<std::string_view> whole_body) {
  auto inbox = std::make_shared<BodyInbox>(app_.core);
  if (whole_body) inbox->set_whole_body(*whole_body);
  incoming_.reply.perform([inbox](http::Exchange* exchange) {
    if (exchange != nullptr) {
      inbox->attach(*exchange);
    } else {
      inbox->disconnect();
    }
  });
  return inbox;
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
