// ThreadPool: jobs from the loop to threads, and their results back through the loop's mailbox.
//
// Where the interpreter ends while a daemon thread runs, CPython ends that thread where it asks for the GIL, by
// unwinding its stack. So what calls Python in work(), or starts a thread, has nothing to destroy, and is not noexcept.
#include "pyloop/thread_pool.hpp"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <new>
#include <utility>

#include "pyloop/py_error.hpp"

namespace data_bridge::pyloop {

namespace {

// sys.getswitchinterval()'s default. Functions that are not Python's never look whether somebody wants the GIL.
constexpr JobQueue::Duration kSwitchInterval = std::chrono::milliseconds(5);

// For so long a thread takes jobs while the loop waits for the GIL. Where each had a thread, it would block after each.
constexpr JobQueue::Duration kShare = std::chrono::microseconds(100);

// Who gets the GIL sooner has not waited for somebody who computes.
constexpr JobQueue::Duration kFreeGil = std::chrono::milliseconds(1);

std::atomic<unsigned> forks{0};
ThreadServices* services = nullptr;
PyTypeObject* pool_type = nullptr;
PyObject* name_cancelled = nullptr;
PyObject* name_set_result = nullptr;
PyObject* name_set_exception = nullptr;
PyObject* name_scope = nullptr;

/// data_bridge._core.ThreadPool: what a thread has of its pool.
struct PoolObject {
  PyObject_HEAD std::shared_ptr<ThreadPool> pool;
};

bool is_cancelled(PyObject* future) {
  PyObject* const answer = PyObject_CallMethodNoArgs(future, name_cancelled);
  const bool cancelled = answer == Py_True;
  if (answer == nullptr) PyErr_WriteUnraisable(future);
  Py_XDECREF(answer);
  return cancelled;
}

/// What a future refuses, and a coroutine may not raise.
PyRef without_stop_iteration(PyRef exception) {
  if (PyErr_GivenExceptionMatches(exception.get(), PyExc_StopIteration) == 0) return exception;
  PyErr_SetString(PyExc_RuntimeError, "coroutine raised StopIteration");
  PyRef error = take_exception();
  PyException_SetCause(error.get(), exception.release());
  return error;
}

}  // namespace

class ThreadJob final : public QueuedJob {
 public:
  ThreadJob(PyRef future, PyRef context, PyObject* scope, PyObject* names) noexcept
      : future_(std::move(future)),
        context_(std::move(context)),
        scope_(PyRef::borrow(scope)),
        names_(PyRef::borrow(names)) {}

  [[nodiscard]] bool keep(PyObject* const* values, std::size_t count) noexcept {
    values_.reset(new (std::nothrow) PyRef[count]);
    if (!values_) return false;
    count_ = count;
    for (std::size_t i = 0; i < count; ++i) values_[i] = PyRef::borrow(values[i]);
    return true;
  }

  /// On the pool's thread. `seen`: the scope that anyio's thread-locals have.
  void call(PyObject*& seen) {
    if (is_cancelled(future_.get())) return;
    if (scope_.get() != seen && PyObject_SetAttr(services->locals.get(), name_scope, scope_.get()) == 0) {
      seen = scope_.get();
    }
    PyObject* value = nullptr;
    if (PyErr_Occurred() == nullptr && PyContext_Enter(context_.get()) == 0) {
      value = enter_library() ? call_function() : nullptr;
      if (value == nullptr) exception_ = take_exception();
      if (PyContext_Exit(context_.get()) != 0) PyErr_WriteUnraisable(nullptr);
    } else {
      exception_ = take_exception();
    }
    result_ = PyRef::steal(value);
  }

  /// On the loop's thread.
  void finish() noexcept {
    if ((result_ || exception_) && !is_cancelled(future_.get())) {
      PyObject* const name = exception_ ? name_set_exception : name_set_result;
      const PyRef outcome = exception_ ? without_stop_iteration(std::move(exception_)) : std::move(result_);
      if (!PyRef::steal(PyObject_CallMethodOneArg(future_.get(), name, outcome.get()))) {
        PyErr_WriteUnraisable(future_.get());
      }
    }
    delete this;
  }

 private:
  /// Within a thread no asynchronous library runs.
  bool enter_library() {
    if (services->library.get() == Py_None) return true;
    PyObject* const token = PyContextVar_Set(services->library.get(), Py_None);
    Py_XDECREF(token);
    return token != nullptr;
  }

  PyObject* call_function() {
    static_assert(sizeof(PyRef) == sizeof(PyObject*));
    PyObject* const* values = reinterpret_cast<PyObject* const*>(values_.get());
    const std::size_t keywords = names_ ? static_cast<std::size_t>(PyTuple_GET_SIZE(names_.get())) : 0;
    return PyObject_Vectorcall(values[0], values + 1, count_ - 1 - keywords, names_.get());
  }

  PyRef future_;
  PyRef context_;
  PyRef scope_;
  PyRef names_;
  std::unique_ptr<PyRef[]> values_;
  std::size_t count_ = 0;
  PyRef result_;
  PyRef exception_;
};

// --- the pool ---------------------------------------------------------------------------------------------

const ThreadServices* thread_services() noexcept { return services; }

bool thread_services_are_own() noexcept {
  for (OwnFact& fact : services->own) {
    PyObject* const owner = fact.owner.get();
    PyObject* dict = nullptr;
    unsigned version = 0;
    if (PyType_Check(owner)) {
      auto* const type = reinterpret_cast<PyTypeObject*>(owner);
      version = type->tp_version_tag;  // another after each change; 0 where nobody has asked since
      if (version != 0 && version == fact.version) continue;
      dict = type->tp_dict;
    } else {
      dict = PyModule_GetDict(owner);
    }
    if (PyDict_GetItemWithError(dict, fact.name.get()) != fact.value.get()) return false;
    fact.version = version;
  }
  return true;
}

ThreadPool::ThreadPool(PyRef vars, PyRef key, PyRef scope, std::shared_ptr<LoopMailbox> mailbox) noexcept
    : vars_(std::move(vars)),
      key_(std::move(key)),
      scope_(std::move(scope)),
      mailbox_(std::move(mailbox)),
      queue_(std::make_unique<JobQueue>()),
      generation_(forks) {}

ThreadPool::~ThreadPool() {
  // Another process's threads sleep on it: there is nobody to wake, and no lock that could be relied on.
  if (generation_ != forks) static_cast<void>(queue_.release());
}

std::shared_ptr<ThreadPool> ThreadPool::of(PyObject* loop) {
  LoopState& state = LoopState::of(loop);
  if (state.thread_pool == nullptr) {
    const PyRef facts = PyRef::steal(PyObject_CallOneArg(services->open.get(), loop));
    if (facts.get() == Py_None) return nullptr;
    PyObject* vars = nullptr;
    PyObject* key = nullptr;
    PyObject* scope = nullptr;
    if (!facts || PyArg_ParseTuple(facts.get(), "O!OO", &PyDict_Type, &vars, &key, &scope) == 0) return nullptr;
    auto pool =
        std::make_shared<ThreadPool>(PyRef::borrow(vars), PyRef::borrow(key), PyRef::borrow(scope), state.mailbox());
    pool->state_ = &state;
    pool->self_ = pool;
    state.add_resident(*pool);
    state.thread_pool = pool.get();
  }
  return state.thread_pool->shared_from_this();
}

void ThreadPool::loop_closed() noexcept {
  const auto keep = std::exchange(self_, nullptr);
  std::exchange(state_, nullptr)->thread_pool = nullptr;
  if (generation_ != forks) return;
  JobQueue::Rest rest = queue_->stop();
  while (QueuedJob* const job = rest.waiting.pop()) delete static_cast<ThreadJob*>(job);
  while (QueuedJob* const job = rest.done.pop()) delete static_cast<ThreadJob*>(job);
}

void ThreadPool::stop() noexcept {
  if (generation_ == forks) queue_->dismiss();
}

// --- at the turns of the loop -----------------------------------------------------------------------------

void ThreadPool::Delivery::run() noexcept {
  told = false;
  const auto keep = pool.shared_from_this();
  JobList done = pool.queue_->collect();
  while (QueuedJob* const job = done.pop()) static_cast<ThreadJob*>(job)->finish();
}

void ThreadPool::tell_loop() noexcept {
  if (!delivery_.told.exchange(true)) static_cast<void>(mailbox_->post(delivery_));
}

PyRef ThreadPool::limiter() const {
  if (PyObject* const limiter = PyDict_GetItemWithError(vars_.get(), key_.get())) return PyRef::borrow(limiter);
  return PyErr_Occurred() == nullptr ? PyRef::steal(PyObject_CallNoArgs(services->limiter.get())) : PyRef();
}

// True where a thread was started for each that is missing, or others will do its work; false with an exception where
// `job` was taken out of the queue.
bool ThreadPool::start_missing(QueuedJob* job) {
  for (std::size_t missing = queue_->missing_threads(); missing > 0; --missing) {
    if (start_thread()) continue;
    if (queue_->start_failed(job)) return false;
    PyErr_Clear();
  }
  return true;
}

bool ThreadPool::start_thread() {
  PyObject* const loop = mailbox_->loop();
  if (loop == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "Event loop is closed");
    return false;
  }
  auto* object = PyObject_New(PoolObject, pool_type);
  if (object == nullptr) return false;
  new (&object->pool) std::shared_ptr<ThreadPool>(shared_from_this());
  auto* const self = reinterpret_cast<PyObject*>(object);
  PyObject* const arguments[] = {self, loop};
  PyObject* const done = PyObject_Vectorcall(services->start_thread.get(), arguments, 2, nullptr);
  Py_DECREF(self);
  Py_XDECREF(done);
  return done != nullptr;
}

// The jobs of the process that has forked are its own, and so are the threads that work at them.
void ThreadPool::renew_after_fork() noexcept {
  const unsigned now = forks;
  if (std::exchange(generation_, now) == now) return;
  static_cast<void>(queue_.release());
  queue_ = std::make_unique<JobQueue>();
  delivery_.told = false;
}

bool ThreadPool::submit(PyObject* future, PyRef context, PyObject* scope, PyObject* const* values, std::size_t count,
                        PyObject* names) {
  renew_after_fork();
  auto* job = new (std::nothrow)
      ThreadJob(PyRef::borrow(future), std::move(context), scope != nullptr ? scope : scope_.get(), names);
  if (job == nullptr || !job->keep(values, count)) {
    delete job;
    PyErr_NoMemory();
    return false;
  }
  queue_->push(*job);
  if (!start_missing(job)) {
    delete job;
    return false;
  }
  if (state_ == nullptr || state_->thread_id != PyThread_get_thread_ident()) kick();
  return true;
}

bool ThreadPool::work() {
  JobQueue* const queue = queue_.get();
  const unsigned generation = generation_;
  PyObject* seen = nullptr;
  bool tell = false;
  auto from = JobQueue::From::kStart;
  for (;;) {
    if (seen != nullptr && seen != scope_.get()) {
      if (PyObject_SetAttr(services->locals.get(), name_scope, scope_.get()) != 0) PyErr_Clear();
      seen = scope_.get();  // the other belongs to a task, which may end now
    }
    JobQueue::Wake wake;
    JobQueue::Clock::time_point asked;
    Py_BEGIN_ALLOW_THREADS do {
      if (tell) tell_loop();
      wake = queue->wait(from);
      from = JobQueue::From::kWatch;
      tell = wake == JobQueue::Wake::kTell;
    }
    while (tell);
    asked = JobQueue::Clock::now();
    Py_END_ALLOW_THREADS if (wake == JobQueue::Wake::kEnd) return true;
    JobQueue::Clock::time_point began = JobQueue::Clock::now();
    auto cause = JobQueue::Cause::kCalled;
    if (wake == JobQueue::Wake::kStuck) {
      cause = began - asked < kFreeGil ? JobQueue::Cause::kBlocked : JobQueue::Cause::kContested;
    }
    JobQueue::Next next = queue->arrive(cause);
    if (next.job != nullptr || cause != JobQueue::Cause::kContested) from = JobQueue::From::kJobs;
    JobQueue::Clock::time_point released = began;
    while (next.job != nullptr) {
      if (next.missing) static_cast<void>(start_missing(nullptr));
      if (next.tell) tell_loop();
      auto* const job = static_cast<ThreadJob*>(next.job);
      job->call(seen);
      if (generation != forks) return true;  // it has forked: this is the child, where nobody waits for the result
      JobQueue::Clock::time_point now = JobQueue::Clock::now();
      next = queue->next(*job, now - began);
      if (next.refused) delete job;
      if (next.job != nullptr && now - released > (loop_waits_ ? kShare : kSwitchInterval)) {
        if (next.tell) tell_loop();
        next.tell = false;
        // To let go of it is not enough: who asks for it again at once gets it, before the other has woken up.
        Py_BEGIN_ALLOW_THREADS loop_waits_.wait(true);
        Py_END_ALLOW_THREADS released = now = JobQueue::Clock::now();
      }
      began = now;
    }
    tell = next.tell;
  }
}

// --- in Python --------------------------------------------------------------------------------------------

namespace {

ThreadPool& pool_of(PyObject* self) noexcept { return *reinterpret_cast<PoolObject*>(self)->pool; }

PyObject* pool_work(PyObject* self, PyObject*) {
  if (!pool_of(self).work()) return nullptr;
  Py_RETURN_NONE;
}

PyObject* pool_stop(PyObject* self, PyObject*) {
  pool_of(self).stop();
  Py_RETURN_NONE;
}

PyObject* pool_threads(PyObject* self, void*) { return PyLong_FromSize_t(pool_of(self).threads()); }

void pool_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  reinterpret_cast<PoolObject*>(self)->pool.~shared_ptr();
  PyObject_Free(self);
  Py_DECREF(type);
}

PyMethodDef pool_methods[] = {
    {"work", pool_work, METH_NOARGS, "Do jobs until this thread is not needed any more."},
    {"stop", pool_stop, METH_NOARGS, "End the threads that have nothing to do, now and from now on."},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef pool_getset[] = {{"threads", pool_threads, nullptr, "How many threads there are.", nullptr},
                             {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyObject* set_thread_services(PyObject*, PyObject* args) {
  PyObject* others[4];
  PyObject* given[7];
  PyObject* facts = nullptr;
  if (PyArg_ParseTuple(args, "(OO)(OO)O!OOOOOOO!", &others[0], &others[1], &others[2], &others[3], &PyDict_Type,
                       &given[0], &given[1], &given[2], &given[3], &given[4], &given[5], &given[6], &PyList_Type,
                       &facts) == 0) {
    return nullptr;
  }
  auto made = std::make_unique<ThreadServices>(ThreadServices{
      {PyRef::borrow(others[0]), PyRef::borrow(others[1])},
      {PyRef::borrow(others[2]), PyRef::borrow(others[3])},
      PyRef::borrow(given[0]),
      PyRef::borrow(given[1]),
      PyRef::borrow(given[2]),
      PyRef::borrow(given[3]),
      PyRef::borrow(given[4]),
      PyRef::borrow(given[5]),
      PyRef::borrow(given[6]),
      {},
  });
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(facts); ++i) {
    PyObject* owner = nullptr;
    PyObject* name = nullptr;
    PyObject* value = nullptr;
    if (PyArg_ParseTuple(PyList_GET_ITEM(facts, i), "OUO", &owner, &name, &value) == 0) return nullptr;
    made->own.push_back({PyRef::borrow(owner), PyRef::borrow(name), PyRef::borrow(value)});
  }
  delete services;
  services = made.release();
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {{"set_thread_services", set_thread_services, METH_VARARGS, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

int register_thread_pool(PyObject* module) {
  static const int at_fork = pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1); });
  if (at_fork != 0) {
    PyErr_NoMemory();
    return -1;
  }
  name_cancelled = PyUnicode_InternFromString("cancelled");
  name_set_result = PyUnicode_InternFromString("set_result");
  name_set_exception = PyUnicode_InternFromString("set_exception");
  name_scope = PyUnicode_InternFromString("current_cancel_scope");
  if (name_cancelled == nullptr || name_set_result == nullptr || name_set_exception == nullptr ||
      name_scope == nullptr) {
    return -1;
  }
  PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("The threads of a loop, as each of them has it.")},
                         {Py_tp_dealloc, reinterpret_cast<void*>(pool_dealloc)},
                         {Py_tp_methods, pool_methods},
                         {Py_tp_getset, pool_getset},
                         {0, nullptr}};
  PyType_Spec spec = {"data_bridge._core.ThreadPool", sizeof(PoolObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  pool_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (pool_type == nullptr || PyModule_AddObjectRef(module, "ThreadPool", reinterpret_cast<PyObject*>(pool_type)) < 0 ||
      PyModule_AddFunctions(module, functions) < 0) {
    return -1;
  }
  return register_thread_call(module);
}

}  // namespace data_bridge::pyloop
