// Runs one request's coroutine and ends its exchange as uvicorn's run_asgi() does.
#include "bridge/run.hpp"

#include <array>

#include "bridge/access_lines.hpp"
#include "bridge/asgi/callables.hpp"
#include "bridge/asgi/scope.hpp"
#include "pyloop/handler_task_type.hpp"
#include "pyloop/py_error.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

Run::Run(AppContext& app, std::shared_ptr<const void> keeps_app, http::Exchange& exchange, Conversation::Body body,
         std::chrono::milliseconds timeout)
    : Driven(true),
      app_(app),
      keeps_app_(std::move(keeps_app)),
      conversation_(std::make_shared<LoopConversation>(app, exchange, body)),
      waiting_size_(waiting_size(exchange)) {
  conversation_->begin(exchange, timeout.count() > 0 ? timeout : app.request_timeout);
}

std::size_t Run::waiting_size(const http::Exchange& exchange) noexcept {
  const http::Request& request = exchange.request();
  return sizeof(Run) + sizeof(LoopConversation) + request.target.size() + exchange.body().size();
}

// On Python's own thread a request begins in the turn in which it came in: nothing waits.
bool Run::admit(AppContext& app, http::Exchange& exchange) {
  if (LoopConversation::is_local(app, exchange) || app.waiting.enter(waiting_size(exchange))) return true;
  static constexpr http::Header kHeaders[] = {{"content-type", "text/plain; charset=utf-8"}, {"retry-after", "1"}};
  exchange.leave_layers();
  exchange.respond(503, kHeaders, "Service Unavailable");
  return false;
}

void Run::submit(Run& run) {
  AppContext& app = run.app_;
  app.in_flight.fetch_add(1, std::memory_order_relaxed);
  if (run.conversation_->local()) {
    app.core.enqueue(run);
    return;
  }
  run.waiting_ = true;
  if (!app.mailbox->post(run)) run.drop();
}

void Run::run() noexcept {
  if (std::exchange(waiting_, false)) {
    app_.waiting.leave(waiting_size_);
    // Its client has left, or its deadline has passed, before any code of the application had seen the request: the
    // work would be nobody's.
    if (conversation_->gone()) {
      app_.counters.abandoned.fetch_add(1, std::memory_order_relaxed);
      end();
      return;
    }
  }
  conversation_->set_runner(this);
  const PyRef coroutine = begin();
  if (!coroutine || !pyloop::drive(app_.loop.get(), coroutine.get(), *this)) {
    const PyRef exception = pyloop::take_exception();
    on_end(exception ? nullptr : Py_None, exception.get());
  }
}

void Run::drop() noexcept {
  if (std::exchange(waiting_, false)) app_.waiting.leave(waiting_size_);
  end();
}

void Run::on_loop_closed() noexcept { end(); }

void Run::end() noexcept {
  conversation_->set_runner(nullptr);
  app_.in_flight.fetch_sub(1, std::memory_order_release);
  delete this;
}

void Run::on_end(PyObject* result, PyObject* exception) noexcept {
  const bool good = result == Py_None && conversation_->state() == Conversation::State::kComplete;
  if (!good) end_answer(result, exception);
  if (callables_) conversation_->tell_reader();  // whoever still waits in receive() learns of the end
  end();
}

// What there is to say is said before the client can know.
void Run::end_answer(PyObject* result, PyObject* exception) noexcept {
  auto ending = Conversation::Ending::kReturned;
  if (exception != nullptr) {
    ending = Conversation::Ending::kRaised;
    report(exception);
  } else if (result != Py_None) {
    ending = Conversation::Ending::kUnlawful;
    report_breach(PyRef::steal(PyUnicode_FromFormat("ASGI callable should return None, but returned '%S'.", result)));
  } else {
    report_breach(conversation_->breach());
  }
  if (conversation_->state() == Conversation::State::kWaiting && ending != Conversation::Ending::kUnlawful &&
      !conversation_->gone()) {
    log_access(500);
  }
  conversation_->end(ending);
}

void Run::report(PyObject* exception) noexcept {
  if (conversation_->expired() && PyErr_GivenExceptionMatches(exception, pyloop::cancelled_error()) != 0) {
    report_breach(PyRef::steal(PyUnicode_FromString("Request was cancelled: it took longer than its timeout.")));
    return;
  }
  PyObject* const hook = app_.hooks.report_exception.get();
  if (hook != nullptr && !PyRef::steal(PyObject_CallOneArg(hook, exception))) PyErr_WriteUnraisable(hook);
}

void Run::report_breach(Conversation::Breach breach) noexcept {
  switch (breach) {
    case Conversation::Breach::kNone:
      return;
    case Conversation::Breach::kNotStarted:
      return report_breach(PyRef::steal(PyUnicode_FromString("ASGI callable returned without starting response.")));
    case Conversation::Breach::kNotCompleted:
      return report_breach(PyRef::steal(PyUnicode_FromString("ASGI callable returned without completing response.")));
  }
}

void Run::report_breach(PyRef message) noexcept {
  PyObject* const hook = app_.hooks.report_protocol.get();
  if (hook == nullptr) return;
  if (!message || !PyRef::steal(PyObject_CallOneArg(hook, message.get()))) PyErr_WriteUnraisable(hook);
}

void Run::log_access(int status) noexcept { log_access_anyway(app_, *conversation_, nullptr, status); }

PyObject* Run::callables() {
  if (!callables_) {
    conversation_->open();
    callables_ = make_asgi_callables(std::shared_ptr<AppContext>(keeps_app_, &app_), conversation_);
  }
  return callables_.get();
}

PyRef Run::application_coroutine() {
  app_.counters.bridged.fetch_add(1, std::memory_order_relaxed);
  PyObject* const object = callables();
  if (object == nullptr) return {};
  const PyRef scope = make_http_scope(app_, *conversation_);
  if (scope && writes_access(app_, *conversation_)) set_scope(object, scope.get());
  const PyRef receive = receive_of(object);
  const PyRef send = send_of(object);
  const PyRef application = PyRef::borrow((app_.outer_way.open() ? app_.outer_way.call : app_.app).get());
  PyRef awaitable = call_application(application.get(), scope.get(), receive.get(), send.get());
  if (!awaitable || PyCoro_CheckExact(awaitable.get())) return awaitable;
  return PyRef::steal(PyObject_CallOneArg(app_.hooks.await_any.get(), awaitable.get()));
}

}  // namespace data_bridge::bridge
