// Runs a WebSocket connection's coroutine and ends it as uvicorn's run_asgi() does.
#include "bridge/websocket/run.hpp"

#include <array>
#include <utility>

#include "bridge/access_lines.hpp"
#include "bridge/asgi/callables.hpp"
#include "bridge/asgi/scope.hpp"
#include "bridge/websocket/callables.hpp"
#include "pyloop/handler_task_type.hpp"
#include "pyloop/py_error.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;
using State = WebSocketConversation::State;

WebSocketRun::WebSocketRun(std::shared_ptr<AppContext> app, http::Exchange& exchange, http::ws::Handshake handshake)
    : Driven(true),
      app_(std::move(app)),
      conversation_(std::make_shared<LoopWebSocketConversation>(*app_, exchange, std::move(handshake))) {
  conversation_->begin(exchange);
}

void WebSocketRun::start(std::shared_ptr<AppContext> app, http::Exchange& exchange, http::ws::Handshake handshake) {
  AppContext& context = *app;
  const std::size_t size = sizeof(WebSocketRun) + sizeof(LoopWebSocketConversation) + exchange.request().target.size();
  const bool local = LoopConversation::is_local(context, exchange);
  if (!local && !context.waiting.enter(size)) {
    static constexpr std::array<http::Header, 1> kRetry{{{"Retry-After", "1"}}};
    exchange.refuse_upgrade(503, kRetry, "Service Unavailable");
    return;
  }
  auto* const run = new WebSocketRun(std::move(app), exchange, std::move(handshake));
  context.in_flight.fetch_add(1, std::memory_order_relaxed);
  if (local) {
    context.core.enqueue(*run);
    return;
  }
  run->waiting_ = true;
  run->waiting_size_ = size;
  if (!context.mailbox->post(*run)) run->drop();
}

void WebSocketRun::leave_queue() noexcept {
  if (std::exchange(waiting_, false)) app_->waiting.leave(waiting_size_);
}

void WebSocketRun::run() noexcept {
  leave_queue();
  const PyRef coroutine = begin();
  if (coroutine && pyloop::drive(app_->loop.get(), coroutine.get(), *this)) return;
  const PyRef exception = pyloop::take_exception();
  on_end(exception ? nullptr : Py_None, exception.get());
}

void WebSocketRun::drop() noexcept {
  leave_queue();
  end();
}

PyRef WebSocketRun::begin() {
  app_->counters.websockets.fetch_add(1, std::memory_order_relaxed);
  const PyRef callables = make_websocket_callables(app_, conversation_);
  if (!callables) return {};
  const PyRef scope = make_websocket_scope(*app_, *conversation_);
  if (scope) set_websocket_scope(callables.get(), scope.get());
  conversation_->forget_request();
  const PyRef receive = websocket_receive_of(callables.get());
  const PyRef send = websocket_send_of(callables.get());
  PyRef awaitable = call_application(app_->app.get(), scope.get(), receive.get(), send.get());
  if (!awaitable || PyCoro_CheckExact(awaitable.get())) return awaitable;
  return PyRef::steal(PyObject_CallOneArg(app_->hooks.await_any.get(), awaitable.get()));
}

void WebSocketRun::on_end(PyObject* result, PyObject* exception) noexcept {
  const bool unanswered = conversation_->state() == State::kConnecting && !conversation_->gone();
  report(result, exception);
  conversation_->end();
  if (unanswered) log_websocket_failure(*app_, 500);
  end();
}

void WebSocketRun::end() noexcept {
  app_->in_flight.fetch_sub(1, std::memory_order_release);
  delete this;
}

void WebSocketRun::report(PyObject* result, PyObject* exception) noexcept {
  if (exception != nullptr) {
    // The application need not know whether its client is there.
    if (PyErr_GivenExceptionMatches(exception, client_disconnected_type()) != 0) return;
    PyObject* const hook = app_->hooks.report_exception.get();
    if (hook != nullptr && !PyRef::steal(PyObject_CallOneArg(hook, exception))) PyErr_WriteUnraisable(hook);
    return;
  }
  const State state = conversation_->state();
  if ((state == State::kConnecting || state == State::kDenying) && !conversation_->gone()) {
    report_breach(PyRef::steal(PyUnicode_FromString("ASGI callable returned without completing handshake.")));
  } else if (result != Py_None) {
    report_breach(PyRef::steal(PyUnicode_FromFormat("ASGI callable should return None, but returned '%S'.", result)));
  }
}

void WebSocketRun::report_breach(PyRef message) noexcept {
  PyObject* const hook = app_->hooks.report_protocol.get();
  if (hook == nullptr) return;
  if (!message || !PyRef::steal(PyObject_CallOneArg(hook, message.get()))) PyErr_WriteUnraisable(hook);
}

}  // namespace data_bridge::bridge
