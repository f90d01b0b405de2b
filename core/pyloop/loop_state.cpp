// The turns of the loop: wait, native work, Python work.
#include "pyloop/loop_state.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>
#include <new>
#include <utility>

#include "pyloop/handle.hpp"
#include "pyloop/py_error.hpp"
#include "pyloop/stream_transport.hpp"
#include "pyloop/thread_pool.hpp"

namespace data_bridge::pyloop {

namespace {

// asyncio.base_events: when cancelled timers are swept out of the heap, and the longest wait (seconds).
constexpr std::size_t kMinScheduledTimers = 100;
constexpr double kMaxWait = 24 * 3600;
// Other Python threads get the GIL at least this often (seconds: sys.getswitchinterval()'s default), checked every
// so many turns: reading the clock costs as much as an empty turn.
constexpr double kBusyLimit = 0.005;
constexpr std::uint32_t kTurnsPerCheck = 16;

std::chrono::nanoseconds to_wait(double seconds) noexcept {
  seconds = std::clamp(seconds, 0.0, kMaxWait);
  // Rounded up: a timer must never be early.
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::ceil(seconds * 1e9)));
}

}  // namespace

double LoopState::now() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec) / 1e9;
}

bool LoopState::clock(double& seconds) {
  seconds = now();
  if (native_clock) return true;
  const PyRef told = PyRef::steal(PyObject_CallMethod(self_, "time", nullptr));
  if (!told) return false;
  seconds = PyFloat_AsDouble(told.get());
  return PyErr_Occurred() == nullptr;
}

void SignalInbox::on_events(std::uint32_t) noexcept {
  char buffer[256];
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count <= 0) return;
    numbers.append(buffer, static_cast<std::size_t>(count));
  }
}

void LoopState::timer_cancelled(PyObject* handle) noexcept {
  if (timers_.pop_if_last(handle)) {
    handle_fields(handle)->scheduled = false;
    // The caller holds a reference of its own.
    Py_DECREF(handle);
  } else {
    ++timers_cancelled;
  }
}

void LoopState::wake() noexcept {
  if (sleeping_ && !woken_.exchange(true)) reactor_.wake();
}

bool LoopState::run() {
  const std::thread::id before = runner_.exchange(std::this_thread::get_id());
  const bool nested = std::exchange(running_, true);
  released_at_ = now();
  bool good = true;
  do {
    good = run_once();
  } while (good && !stopping);
  reactor_.finish_turn();
  running_ = nested;
  if (thread_pool != nullptr) thread_pool->kick();
  if (!running_) show_waiting_to_collector();
  runner_.store(before);
  return good;
}

// From now on a loop that is forgotten may be garbage, with all that waits in it.
void LoopState::show_waiting_to_collector() noexcept { ready_.for_each(show_to_collector); }

bool LoopState::run_once() {
  tidy_timers();
  if (guest_ || !ready_.empty() || stopping || batch_ != nullptr || work_head_ != nullptr || mailbox_->filled() ||
      watches_.pending()) {
    poll();
  } else if (!wait_for_python()) {
    return false;
  }
  const bool within_turn = std::exchange(in_turn_, true);
  const bool good = run_turn();
  in_turn_ = within_turn;
  if (!unflushed_.empty()) {
    PyRef exception;
    if (!good) exception = take_exception();
    const bool flushed = flush_streams();
    if (!good) raise_exception(std::move(exception));
    return good && flushed;
  }
  return good;
}

std::error_code LoopState::reopen(bool runs_here) noexcept {
  sleeping_ = false;
  woken_ = false;
  if (!runs_here) {
    running_ = in_turn_ = false;
    nested_ = 0;
    runner_.store({});
  }
  const std::error_code error = reactor_.reopen();
  watches_.reopen();
  return error;
}

bool LoopState::begin_nested() {
  ++nested_;
  return unflushed_.empty() || flush_streams();
}

void LoopState::end_nested() noexcept {
  --nested_;
  if (deferred_.empty()) return;
  const auto deferred = std::exchange(deferred_, {});
  for (std::size_t i = deferred.size(); i-- > 0;) {
    if (ready_.push_front(deferred[i].get())) {
      Py_INCREF(deferred[i].get());
    } else {
      PyErr_NoMemory();
      PyErr_WriteUnraisable(deferred[i].get());
    }
  }
}

bool LoopState::defer(PyObject* handle) noexcept {
  if (nested_ == 0) return false;
  try {
    deferred_.push_back(PyRef::borrow(handle));
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// The Python part of a turn.
bool LoopState::run_turn() {
  if (PyErr_CheckSignals() < 0 || !run_signals() || !run_work()) return false;
  if (!watches_.collect(ready_)) {
    PyErr_NoMemory();
    return false;
  }
  return collect_due_timers() && run_ready(ready_.size());
}

bool LoopState::flush_at_turn_end(PyObject* transport) noexcept {
  try {
    unflushed_.push_back(PyRef::borrow(transport));
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

bool LoopState::flush_streams() {
  bool good = true;
  for (std::size_t i = 0; i < unflushed_.size(); ++i) {
    // A flush may call the protocol (pause_writing), which may write to another transport: outside of a turn that
    // is sent at once, so that the list does not grow here.
    const PyRef transport = PyRef::borrow(unflushed_[i].get());
    good = flush_stream(transport.get()) && good;
  }
  std::vector<PyRef> done;
  done.swap(unflushed_);
  done.clear();
  // Keep the memory, unless letting go of a transport has filled the list again.
  if (unflushed_.empty()) done.swap(unflushed_);
  return good;
}

char* LoopState::read_buffer(std::size_t size) noexcept {
  if (!read_buffer_) read_buffer_.reset(new (std::nothrow) char[size]);
  return read_buffer_.get();
}

DatagramInbox* LoopState::datagram_inbox() noexcept {
  // Default-initialised: a megabyte that is not touched before it is used.
  if (!datagram_inbox_) datagram_inbox_.reset(new (std::nothrow) DatagramInbox);
  return datagram_inbox_.get();
}

// Takes the GIL back.
void LoopState::restore(PyThreadState* thread) {
  if (thread_pool != nullptr) thread_pool->loop_waits(true);
  PyEval_RestoreThread(thread);
  if (thread_pool != nullptr) thread_pool->loop_waits(false);
}

// With Python callbacks waiting: look for I/O, without blocking.
void LoopState::poll() noexcept {
  const std::size_t own = watches_.size() + (signals_.fd >= 0 ? 1 : 0);
  bool release = reactor_.size() != own;
  if (++turns_since_release_ >= kTurnsPerCheck) {
    turns_since_release_ = 0;
    release = release || now() - released_at_ > kBusyLimit;
  }
  if (!release) {
    // Nothing native runs here, and giving up the GIL under contention costs 17 us and more a turn.
    reactor_.finish_turn();
    reactor_.wait(std::chrono::nanoseconds(0));
    reactor_.dispatch();
    reactor_.finish_turn();
    return;
  }
  PyThreadState* thread = PyEval_SaveThread();
  reactor_.finish_turn();
  reactor_.wait(std::chrono::nanoseconds(0));
  reactor_.dispatch();
  // What native code has answered leaves before Python's turn, which may take long.
  reactor_.finish_turn();
  restore(thread);
  released_at_ = now();
}

// With nothing to do for Python: native turns without the GIL until there is.
bool LoopState::wait_for_python() {
  sleeping_ = true;
  // Read while the GIL is held: another thread may cancel a timer meanwhile, which costs one idle turn.
  double deadline = timers_.empty() ? std::numeric_limits<double>::infinity() : timers_.next_deadline();
  const bool timed = !timers_.empty();
  if (timed && !native_clock) {
    double time = 0;
    if (!clock(time)) {
      sleeping_ = false;
      return false;
    }
    deadline += now() - time;
  }
  PyThreadState* thread = PyEval_SaveThread();
  if (thread_pool != nullptr) thread_pool->kick();
  reactor_.finish_turn();
  do {
    // The end of the turn may have given Python work: a body's next piece, a sender that may go on. Looked at here and
    // not left for, since after a signal interrupted() stays set until the next wait.
    const bool due = python_is_due();
    reactor_.wait(due ? std::chrono::nanoseconds(0) : timed ? to_wait(deadline - now()) : runtime::Reactor::kForever);
    reactor_.dispatch();
    reactor_.finish_turn();
  } while (!python_is_due() && !(timed && deadline < now() + clock_resolution));
  restore(thread);
  sleeping_ = false;
  woken_ = false;
  turns_since_release_ = 0;
  return true;
}

bool LoopState::python_is_due() noexcept {
  return work_head_ != nullptr || watches_.pending() || mailbox_->filled() || woken_ || !signals_.numbers.empty() ||
         reactor_.interrupted();
}

bool LoopState::run_signals() {
  if (signals_.numbers.empty()) return true;
  const std::string numbers = std::exchange(signals_.numbers, {});
  const PyRef data = PyRef::steal(PyBytes_FromStringAndSize(numbers.data(), static_cast<Py_ssize_t>(numbers.size())));
  return data && PyRef::steal(PyObject_CallMethod(self_, "_process_self_data", "O", data.get()));
}

bool LoopState::run_work() {
  if (mailbox_->filled()) {
    const LoopMailbox::Content posted = mailbox_->take();
    if (posted.head != nullptr) {
      (work_tail_ != nullptr ? work_tail_->next_ : work_head_) = posted.head;
      work_tail_ = posted.tail;
    }
    for (PyObject* object : posted.objects) Py_DECREF(object);
  }
  // What the batch enqueues runs in the next turn, after a poll: no piece of work can starve the I/O.
  PythonWork** end = &batch_;
  while (*end != nullptr) end = &(*end)->next_;
  *end = std::exchange(work_head_, nullptr);
  work_tail_ = nullptr;
  while (PythonWork* work = batch_) {
    batch_ = std::exchange(work->next_, nullptr);
    work->run();
    if (batch_ != nullptr && thread_pool != nullptr) thread_pool->kick_before_others();
    // What was answered leaves before further Python can hold it up. The last answers wait for the end of the turn,
    // unless there is more: see run_ready().
    if (batch_ != nullptr) reactor_.finish_turn();
  }
  if (leaving_) {
    raise_exception(std::move(leaving_));
    return false;
  }
  return true;
}

void LoopState::tidy_timers() noexcept {
  if (timers_cancelled == 0) return;
  if (timers_.size() > kMinScheduledTimers && timers_cancelled * 2 > timers_.size()) {
    sweep_timers();
    return;
  }
  while (!timers_.empty() && handle_fields(timers_.top())->cancelled) {
    PyObject* handle = timers_.pop();
    handle_fields(handle)->scheduled = false;
    if (timers_cancelled > 0) --timers_cancelled;
    Py_DECREF(handle);
  }
}

// cancel() has dropped what the handles held, but weak references to them have callbacks, which may call anything:
// set timers, cancel others, run into the next sweep. So the heap and the count are right before the first one goes.
void LoopState::sweep_timers() noexcept {
  std::vector<PyObject*> swept;
  try {
    timers_.take_if([](PyObject* handle) { return handle_fields(handle)->cancelled; }, swept);
  } catch (const std::bad_alloc&) {
    return;  // tried again in the next turn
  }
  timers_cancelled = 0;
  for (PyObject* handle : swept) handle_fields(handle)->scheduled = false;
  for (PyObject* handle : swept) Py_DECREF(handle);
}

bool LoopState::collect_due_timers() {
  if (timers_.empty()) return true;
  double end = 0;
  if (!clock(end)) return false;
  end += clock_resolution;
  while (!timers_.empty() && timers_.next_deadline() < end) {
    HandleFields* fields = handle_fields(timers_.top());
    if (!fields->cancelled && !ready_.push(timers_.top())) {
      PyErr_NoMemory();
      return false;
    }
    PyObject* handle = timers_.pop();
    fields->scheduled = false;
    if (fields->cancelled) {
      if (timers_cancelled > 0) --timers_cancelled;
      Py_DECREF(handle);
    }
  }
  return true;
}

bool LoopState::run_ready(std::size_t count) {
  // Exactly those that were there when the turn began; close() within a callback empties the queue.
  for (; count > 0 && !ready_.empty(); --count) {
    reactor_.finish_turn();  // as in run_work()
    if (thread_pool != nullptr) thread_pool->kick_before_others();
    PyObject* const handle = ready_.pop();
    const bool good = run_ready_handle(handle);
    release_handle(handle);
    if (!good) return false;
  }
  return true;
}

bool LoopState::run_ready_handle(PyObject* handle) {
  // Our own look after themselves.
  if ((debug || handle_fields(handle) == nullptr) && handle_cancelled(handle)) return true;
  return debug ? run_debugged(handle) : run_handle(handle);
}

bool LoopState::run_debugged(PyObject* handle) {
  current_handle = PyRef::borrow(handle);
  double began = 0;
  double ended = 0;
  bool good = clock(began) && run_handle(handle) && clock(ended);
  if (good) {
    PyRef limit = PyRef::steal(PyObject_GetAttrString(self_, "slow_callback_duration"));
    const double seconds = ended - began;
    const double threshold = limit ? PyFloat_AsDouble(limit.get()) : -1.0;
    if (PyErr_Occurred() != nullptr) {
      good = false;
    } else if (seconds >= threshold) {
      good = static_cast<bool>(PyRef::steal(PyObject_CallMethod(self_, "_log_slow_callback", "Od", handle, seconds)));
    }
  }
  current_handle.reset();
  return good;
}

void LoopState::add_resident(LoopResident& resident) noexcept {
  resident.next_ = residents_;
  if (residents_ != nullptr) residents_->previous_ = &resident;
  residents_ = &resident;
}

void LoopState::remove_resident(LoopResident& resident) noexcept {
  (resident.previous_ != nullptr ? resident.previous_->next_ : residents_) = resident.next_;
  if (resident.next_ != nullptr) resident.next_->previous_ = resident.previous_;
  resident.previous_ = resident.next_ = nullptr;
}

void LoopState::end_residents() noexcept {
  const LoopMailbox::Content late = mailbox_->shut();
  if (work_tail_ != nullptr) {
    work_tail_->next_ = late.head;
  } else {
    work_head_ = late.head;
  }
  PythonWork* work = std::exchange(work_head_, nullptr);
  work_tail_ = nullptr;
  while (work != nullptr) {
    PythonWork* next = std::exchange(work->next_, nullptr);
    work->drop();
    work = next;
  }
  while (LoopResident* resident = residents_) {
    remove_resident(*resident);
    resident->loop_closed();
  }
  for (PyObject* object : late.objects) Py_DECREF(object);
}

void LoopState::clear() noexcept {
  end_residents();
  while (!ready_.empty()) release_handle(ready_.pop());
  while (!timers_.empty()) {
    PyObject* handle = timers_.pop();
    handle_fields(handle)->scheduled = false;
    Py_DECREF(handle);
  }
  timers_cancelled = 0;
  watches_.clear();
  if (signals_.fd >= 0) reactor_.remove(std::exchange(signals_.fd, -1));
  current_handle.reset();
  leaving_.reset();
  // Away first: what goes with a transport may write to another.
  std::exchange(unflushed_, {}).clear();
  std::exchange(deferred_, {}).clear();
  capture = {};
  future_options.reset();
  addresses_.clear();
}

int LoopState::traverse(visitproc visit, void* arg) const {
  int stop = 0;
  const auto visit_item = [&](PyObject* handle) {
    if (stop == 0) stop = visit(handle, arg);
  };
  ready_.for_each(visit_item);
  timers_.for_each(visit_item);
  if (stop != 0) return stop;
  Py_VISIT(current_handle.get());
  Py_VISIT(leaving_.get());
  Py_VISIT(task_factory.get());
  Py_VISIT(future_options.get());
  for (const PyRef& handle : deferred_) Py_VISIT(handle.get());
  for (const PyRef& transport : unflushed_) Py_VISIT(transport.get());
  for (const LoopResident* resident = residents_; resident != nullptr; resident = resident->next_) {
    Py_VISIT(resident->kept());
  }
  return watches_.traverse(visit, arg);
}

}  // namespace data_bridge::pyloop
