// Spawning, awaiting and cancelling coroutines of Python from C++.
//
// The state of a spawned coroutine is touched by three parties: the thread that spawned it, the loop's thread, and
// whoever cancels. What leads to a receiver is under a mutex that is never held while foreign code runs; what
// is Python's is touched on the loop's thread, with the GIL, alone.
#include "pyloop/spawn.hpp"

#include <exception>
#include <new>
#include <string_view>
#include <utility>

#include "pyloop/handler_task_type.hpp"
#include "pyloop/py_error.hpp"
#include "pyloop/spawn_state.hpp"

namespace data_bridge::pyloop {

namespace {

std::string text_of(PyObject* object) {
  const PyRef text = PyRef::steal(object == nullptr ? nullptr : PyObject_Str(object));
  Py_ssize_t size = 0;
  const char* data = text ? PyUnicode_AsUTF8AndSize(text.get(), &size) : nullptr;
  if (data != nullptr) return {data, static_cast<std::size_t>(size)};
  PyErr_Clear();
  // Lone surrogates, or a __str__ that fails: the rest of the error is still worth having.
  return "<not printable>";
}

std::string type_name_of(PyObject* exception) {
  auto* type = reinterpret_cast<PyObject*>(Py_TYPE(exception));
  const PyRef name = PyRef::steal(PyObject_GetAttrString(type, "__qualname__"));
  const PyRef module = PyRef::steal(PyObject_GetAttrString(type, "__module__"));
  PyErr_Clear();
  const std::string module_name = text_of(module.get());
  return module_name == "builtins" ? text_of(name.get()) : module_name + '.' + text_of(name.get());
}

std::string traceback_of(PyObject* exception) {
  const PyRef module = PyRef::steal(PyImport_ImportModule("traceback"));
  const PyRef lines =
      module ? PyRef::steal(PyObject_CallMethod(module.get(), "format_exception", "O", exception)) : PyRef();
  const PyRef empty = PyRef::steal(PyUnicode_New(0, 0));
  const PyRef joined = lines && empty ? PyRef::steal(PyUnicode_Join(empty.get(), lines.get())) : PyRef();
  if (!joined) PyErr_Clear();
  return joined ? text_of(joined.get()) : std::string();
}

SpawnError closed_error() { return {SpawnError::Kind::kLoopClosed, {}, "Event loop is closed", {}, {}}; }

}  // namespace

// --- the loop's queue -------------------------------------------------------------------------------------

void SpawnState::Start::run() noexcept { std::exchange(state, nullptr)->begin(); }

void SpawnState::Start::drop() noexcept {
  const auto keep = std::exchange(state, nullptr);
  keep->arguments_ = nullptr;
  keep->function_ = {};
  keep->settle(std::unexpected(closed_error()));
}

void SpawnState::Cancel::run() noexcept {
  const auto keep = std::exchange(state, nullptr);
  keep->cancel_queued_ = false;
  keep->Driven::cancel();
}

void SpawnState::Cancel::drop() noexcept {
  // Not reset(): this object is a part of what may end now.
  const auto keep = std::exchange(state, nullptr);
}

class SpawnState::Report final : public PythonWork {
 public:
  Report(std::shared_ptr<LoopMailbox> mailbox, SpawnError error) noexcept
      : mailbox_(std::move(mailbox)), error_(std::move(error)) {}

  void run() noexcept override {
    const PyRef context =
        PyRef::steal(Py_BuildValue("{s:s,s:O}", "message", "Exception of a spawned coroutine was never retrieved",
                                   "exception", error_.exception.get()));
    const PyRef done =
        context ? PyRef::steal(PyObject_CallMethod(mailbox_->loop(), "call_exception_handler", "O", context.get()))
                : PyRef();
    if (!done) PyErr_WriteUnraisable(mailbox_->loop());
    delete this;
  }

  void drop() noexcept override {
    raise_exception(PyRef::borrow(error_.exception.get()));
    PyErr_WriteUnraisable(nullptr);
    delete this;
  }

 private:
  std::shared_ptr<LoopMailbox> mailbox_;
  SpawnError error_;
};

// --- the coroutine ----------------------------------------------------------------------------------------

void SpawnState::submit() {
  start_.state = shared_from_this();
  if (!mailbox_->post(start_)) start_.drop();
}

void SpawnState::begin() {
  SharedObject function = std::move(function_);
  SpawnArguments arguments = std::exchange(arguments_, nullptr);
  if (cancel_requested_) {
    fail(PyRef::steal(PyObject_CallNoArgs(cancelled_error())));
    return;
  }
  const PyRef tuple = arguments();
  const PyRef coroutine = tuple ? PyRef::steal(PyObject_CallObject(function.get(), tuple.get())) : PyRef();
  running_ = shared_from_this();
  if (!coroutine || !drive(mailbox_->loop(), coroutine.get(), *this)) {
    running_.reset();
    fail(take_exception());
  }
}

void SpawnState::on_end(PyObject* result, PyObject* exception) noexcept {
  const auto keep = std::exchange(running_, nullptr);
  settle(result != nullptr ? SpawnResult(SharedObject(PyRef::borrow(result), mailbox_))
                           : SpawnResult(std::unexpected(error_of(exception))));
}

void SpawnState::on_loop_closed() noexcept {
  const auto keep = std::exchange(running_, nullptr);
  settle(std::unexpected(closed_error()));
}

void SpawnState::fail(PyRef exception) noexcept {
  if (!exception) {
    PyErr_SetString(PyExc_SystemError, "the arguments of a spawned coroutine failed without an exception");
    exception = take_exception();
  }
  settle(std::unexpected(error_of(exception.get())));
  if (leaves_the_loop(exception.get()) && mailbox_->loop() != nullptr) {
    LoopState::of(mailbox_->loop()).leave_with(std::move(exception));
  }
}

SpawnError SpawnState::error_of(PyObject* exception) const noexcept {
  const bool cancelled = PyErr_GivenExceptionMatches(exception, cancelled_error()) != 0;
  return {cancelled ? SpawnError::Kind::kCancelled : SpawnError::Kind::kRaised, type_name_of(exception),
          text_of(exception), cancelled ? std::string() : traceback_of(exception),
          SharedObject(PyRef::borrow(exception), mailbox_)};
}

// --- the receiver -----------------------------------------------------------------------------------------

void SpawnState::settle(SpawnResult result) noexcept {
  Spawned::Callback callback;
  Spawned::Awaiter::Resume resume_elsewhere;
  bool nobody = false;
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(settled_, true)) return;
    callback = std::exchange(callback_, nullptr);
    if (!callback) {
      nobody = abandoned_;
      if (!nobody) result_ = std::move(result);
      if (!waiter_ && !nobody) return;
      resume_elsewhere = std::exchange(resume_, nullptr);
    }
  }
  if (callback) {
    callback(std::move(result));  // NOLINT(bugprone-use-after-move): it was moved only where there is no callback
  } else if (nobody) {
    if (!result) report(std::move(result.error()));
  } else if (resume_elsewhere) {
    resume_elsewhere([keep = shared_from_this()] { keep->resume(); });
  } else {
    resume();
  }
}

void SpawnState::resume() noexcept {
  std::coroutine_handle<> waiter;
  {
    const std::scoped_lock lock(mutex_);
    waiter = std::exchange(waiter_, nullptr);
  }
  if (waiter) waiter.resume();
}

void SpawnState::set_callback(Spawned::Callback callback) {
  std::optional<SpawnResult> result;
  {
    const std::scoped_lock lock(mutex_);
    if (!settled_) {
      callback_ = std::move(callback);
      return;
    }
    result = std::exchange(result_, std::nullopt);
  }
  if (result) callback(std::move(*result));
}

bool SpawnState::set_waiter(std::coroutine_handle<> waiter, Spawned::Awaiter::Resume resume) {
  {
    const std::scoped_lock lock(mutex_);
    if (settled_ && !resume) return false;
    waiter_ = waiter;
    if (!settled_) {
      resume_ = std::move(resume);
      return true;
    }
  }
  resume([keep = shared_from_this()] { keep->resume(); });
  return true;
}

SpawnResult SpawnState::take_result() {
  const std::scoped_lock lock(mutex_);
  if (!result_)
    return std::unexpected(SpawnError{SpawnError::Kind::kRaised, {}, "the result was taken before", {}, {}});
  SpawnResult result = std::move(*result_);
  result_.reset();
  return result;
}

void SpawnState::forget_waiter() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    waiter_ = nullptr;
    resume_ = nullptr;
  }
  cancel();
  forget_handle();
}

void SpawnState::forget_handle() noexcept {
  std::optional<SpawnResult> unread;
  {
    const std::scoped_lock lock(mutex_);
    if (callback_ || waiter_) return;
    abandoned_ = true;
    unread = std::exchange(result_, std::nullopt);
  }
  if (unread && !*unread) report(std::move(unread->error()));
}

bool SpawnState::settled() noexcept {
  const std::scoped_lock lock(mutex_);
  return settled_;
}

// Cancelled is what somebody wanted, and a closed loop is no error of the coroutine's: asyncio is silent there too.
void SpawnState::report(SpawnError error) noexcept {
  if (error.kind != SpawnError::Kind::kRaised) return;
  auto* report = new (std::nothrow) Report(mailbox_, std::move(error));
  if (report == nullptr || mailbox_->post(*report)) return;
  if (const GilGuard gil; gil) report->drop();
}

void SpawnState::cancel() noexcept {
  if (settled()) return;
  cancel_requested_ = true;
  if (cancel_queued_.exchange(true)) return;
  cancel_.state = shared_from_this();
  if (!mailbox_->post(cancel_)) cancel_.state.reset();
}

// --- the public face --------------------------------------------------------------------------------------

void SpawnCanceller::cancel() const noexcept { state_->cancel(); }

Spawned& Spawned::operator=(Spawned&& other) noexcept {
  if (this != &other) {
    if (state_) state_->forget_handle();
    state_ = std::move(other.state_);
  }
  return *this;
}

Spawned::~Spawned() {
  if (state_) state_->forget_handle();
}

void Spawned::on_done(Callback callback) { state_->set_callback(std::move(callback)); }

bool Spawned::done() const noexcept { return state_->settled(); }

Spawned::Awaiter::~Awaiter() {
  if (waiting_) state_->forget_waiter();
}

bool Spawned::Awaiter::await_suspend(std::coroutine_handle<> waiter) {
  waiting_ = true;
  // Where it is resumed elsewhere, this object, and all other owners of the state, may be gone before the call returns.
  const auto state = state_;
  return state->set_waiter(waiter, std::move(resume_));
}

SpawnResult Spawned::Awaiter::await_resume() {
  waiting_ = false;
  return state_->take_result();
}

Spawned spawn_with(std::shared_ptr<LoopMailbox> loop, SharedObject function, SpawnArguments arguments) {
  auto state = std::make_shared<SpawnState>(std::move(loop), std::move(function), std::move(arguments));
  state->submit();
  return Spawned(std::move(state));
}

}  // namespace data_bridge::pyloop
