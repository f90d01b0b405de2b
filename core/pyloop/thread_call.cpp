// run_in_threadpool(): the coroutine that waits for a thread's result under anyio's rules.
//
// anyio yields twice before the call, so that others run and a cancellation comes first. Where nobody is ready to run
// and nobody has cancelled, these are turns of the loop in which nothing happens, and are left out.
#include <cstdint>
#include <new>
#include <utility>

#include "pyloop/generator.hpp"
#include "pyloop/handler_task_type.hpp"
#include "pyloop/loop_futures.hpp"
#include "pyloop/loop_type.hpp"
#include "pyloop/py_error.hpp"
#include "pyloop/thread_pool.hpp"

namespace data_bridge::pyloop {

namespace {

enum class Stage : std::uint8_t {
  kStart,       // nothing was done
  kCheckpoint,  // has yielded before it asks for a token
  kShielded,    // has a token, and yielded
  kResult,      // awaits a token, if it has none, and the thread
  kElsewhere,   // awaits what does all of it
  kDone
};

enum class Rules : std::uint8_t {
  kLimited,    // run_in_threadpool()'s
  kUnlimited,  // the same, with a token of a limiter that nobody else has
  kWithin,     // anyio's code has done what comes before the call, and does what comes after
};

struct Call {
  PyObject_HEAD Stage stage;
  Rules rules;
  bool running;
  std::shared_ptr<ThreadPool> pool;
  PyRef values;  // a tuple: the function, and what it is called with
  PyRef names;
  PyRef scope;
  PyRef inner;  // what is awaited
  PyRef loop;
  PyRef task;     // the borrower
  PyRef limiter;  // while a token of it is borrowed, or waited for
  PyRef turn;     // a Turn, where there was none at once
};

/// What stands in a limiter's queue where anyio has an asyncio.Event: anyio says set() when it has given the token.
struct Turn {
  PyObject_HEAD PyRef call;
  PyRef future;
  PyRef context;
  bool is_set;
};

PyTypeObject* call_type = nullptr;
PyTypeObject* turn_type = nullptr;
PyObject* running_loop = nullptr;
#if PY_VERSION_HEX >= 0x030C0000
PyObject* current_task = nullptr;  // a builtin
#else
PyObject* current_tasks = nullptr;  // dict: what asyncio.current_task(), a function of Python's, looks into
#endif
PyObject* name_acquire_nowait = nullptr;
PyObject* name_release = nullptr;
PyObject* name_borrowers = nullptr;
PyObject* name_queue = nullptr;
PyObject* name_total = nullptr;
PyObject* name_set_exception = nullptr;
PyObject* name_scope = nullptr;
PyObject* name_must_cancel = nullptr;
PyObject* name_close = nullptr;
PyObject* name_func = nullptr;

Call& self_of(PyObject* object) noexcept { return *reinterpret_cast<Call*>(object); }

PyObject* const* items(const Call& self) noexcept { return &PyTuple_GET_ITEM(self.values.get(), 0); }

std::size_t size(const Call& self) noexcept { return static_cast<std::size_t>(PyTuple_GET_SIZE(self.values.get())); }

void forget(Call& self) noexcept {
  self.stage = Stage::kDone;
  const PyRef inner = std::move(self.inner);
  const PyRef values = std::move(self.values);
  const PyRef names = std::move(self.names);
  const PyRef scope = std::move(self.scope);
  const PyRef task = std::move(self.task);
  const PyRef limiter = std::move(self.limiter);
  const PyRef turn = std::move(self.turn);
  const PyRef loop = std::move(self.loop);
  const auto pool = std::move(self.pool);
}

// --- the limiter ------------------------------------------------------------------------------------------
//
// As anyio's methods, on its own objects. Whatever is not the common case is left to the methods.

struct Tokens {
  PyRef borrowers;  // a set
  PyRef queue;      // an OrderedDict: borrower -> event
};

bool read_tokens(PyObject* limiter, Tokens& tokens) {
  tokens.borrowers = PyRef::steal(PyObject_GetAttr(limiter, name_borrowers));
  tokens.queue = PyRef::steal(tokens.borrowers ? PyObject_GetAttr(limiter, name_queue) : nullptr);
  if (!tokens.queue) return false;
  if (PyAnySet_CheckExact(tokens.borrowers.get()) && PyDict_Check(tokens.queue.get())) return true;
  PyErr_SetString(PyExc_TypeError, "not a limiter of anyio's");
  return false;
}

enum class Token : std::uint8_t { kBorrowed, kWait, kFailed };

Token borrow_token(PyObject* limiter, PyObject* task, const Tokens& tokens) {
  const int has = PySet_Contains(tokens.borrowers.get(), task);
  if (has < 0) return Token::kFailed;
  if (has != 0) {  // says that it has one
    const PyRef refused = PyRef::steal(PyObject_CallMethodOneArg(limiter, name_acquire_nowait, task));
    return refused ? Token::kBorrowed : Token::kFailed;
  }
  if (PyDict_Size(tokens.queue.get()) != 0) return Token::kWait;
  const PyRef total = PyRef::steal(PyObject_GetAttr(limiter, name_total));
  const double most = total ? PyFloat_AsDouble(total.get()) : -1.0;
  if (most < 0 && PyErr_Occurred() != nullptr) return Token::kFailed;
  if (static_cast<double>(PySet_Size(tokens.borrowers.get())) >= most) return Token::kWait;
  return PySet_Add(tokens.borrowers.get(), task) == 0 ? Token::kBorrowed : Token::kFailed;
}

bool give_token_back(PyObject* limiter, PyObject* task) {
  Tokens tokens;
  if (!read_tokens(limiter, tokens)) return false;
  if (PyDict_Size(tokens.queue.get()) == 0) {
    const int found = PySet_Discard(tokens.borrowers.get(), task);
    if (found != 0) return found > 0;
  }
  return static_cast<bool>(PyRef::steal(PyObject_CallMethodOneArg(limiter, name_release, task)));
}

bool leave_queue(PyObject* limiter, PyObject* task) {
  Tokens tokens;
  if (!read_tokens(limiter, tokens)) return false;
  if (PyObject_DelItem(tokens.queue.get(), task) == 0) return true;
  if (PyErr_ExceptionMatches(PyExc_KeyError) == 0) return false;
  PyErr_Clear();
  return true;
}

/// `later` has happened while `before` was handled.
void add_context(PyObject* later, PyRef before) noexcept {
  PyRef last = PyRef::borrow(later);
  for (;;) {
    if (last.get() == before.get()) return;
    PyRef next = PyRef::steal(PyException_GetContext(last.get()));
    if (!next) break;
    last = std::move(next);
  }
  PyException_SetContext(last.get(), before.release());
}

/// Gives the token back, or does without, if that is so. As in a `finally`: a pending exception stays, and is the
/// context of another.
void release(Call& self) {
  const PyRef limiter = std::move(self.limiter);
  const PyRef turn = std::move(self.turn);
  if (!limiter) return;
  PyRef pending = PyErr_Occurred() != nullptr ? take_exception() : PyRef();
  const bool waits = turn && !reinterpret_cast<Turn*>(turn.get())->is_set;
  const bool good =
      waits ? leave_queue(limiter.get(), self.task.get()) : give_token_back(limiter.get(), self.task.get());
  if (good) {
    if (pending) raise_exception(std::move(pending));
  } else if (pending) {
    PyRef error = take_exception();
    add_context(error.get(), std::move(pending));
    raise_exception(std::move(error));
  }
}

PySendResult end(Call& self, PySendResult sent, PyRef value, PyObject** result) {
  release(self);
  forget(self);
  if (sent != PYGEN_RETURN || PyErr_Occurred() != nullptr) return PYGEN_ERROR;
  *result = value.release();
  return PYGEN_RETURN;
}

PySendResult fail(Call& self, PyObject** result) { return end(self, PYGEN_ERROR, {}, result); }

PySendResult yield_to_others(Call& self, Stage stage, PyObject** result) {
  self.stage = stage;
  *result = Py_NewRef(Py_None);
  return PYGEN_NEXT;
}

/// Whether a turn of the loop would be noticed. -1 with an exception.
int would_notice(const Call& self) {
  LoopState& state = LoopState::of(self.loop.get());
  if (!state.ready().empty()) return 1;
  if (!state.timers().empty() &&
      (!state.native_clock || state.timers().next_deadline() < LoopState::now() + state.clock_resolution)) {
    return 1;
  }
  // A task that nobody has ever looked at was not cancelled.
  if (is_handler_task(self.task.get()) && !handler_task_fields(self.task.get()).is_task) return 0;
  const PyRef cancelled = PyRef::steal(PyObject_GetAttr(self.task.get(), name_must_cancel));
  if (cancelled) return PyObject_IsTrue(cancelled.get());
  PyErr_Clear();  // a task of another make
  return 1;
}

// --- forward ----------------------------------------------------------------------------------------------

PySendResult resume(Call& self, PyObject* argument, PyObject** result);

/// Has `coroutine` do all that is left.
PySendResult delegate(Call& self, PyRef coroutine, PyObject** result) {
  if (!coroutine) return fail(self, result);
  self.inner = std::move(coroutine);
  self.stage = Stage::kElsewhere;
  return resume(self, Py_None, result);
}

PySendResult delegate_to(Call& self, PyObject* function, PyObject** result) {
  const std::size_t keywords = self.names ? static_cast<std::size_t>(PyTuple_GET_SIZE(self.names.get())) : 0;
  return delegate(
      self, PyRef::steal(PyObject_Vectorcall(function, items(self), size(self) - keywords, self.names.get())), result);
}

PySendResult wait_for(Call& self, PyObject* future, PyObject** result) {
  self.inner = PyRef::steal(Py_TYPE(future)->tp_as_async->am_await(future));
  if (!self.inner) return fail(self, result);
  self.stage = Stage::kResult;
  return resume(self, Py_None, result);
}

PySendResult submit(Call& self, PyObject** result) {
  const PyRef future = PyRef::steal(create_future(self.loop.get(), nullptr));
  PyRef context = PyRef::steal(future ? PyContext_CopyCurrent() : nullptr);
  if (!context || !self.pool->submit(future.get(), std::move(context), self.scope.get(), items(self), size(self),
                                     self.names.get())) {
    return fail(self, result);
  }
  return wait_for(self, future.get(), result);
}

const ThreadServices::Others& others(const Call& self) {
  const ThreadServices& services = *thread_services();
  return self.rules == Rules::kUnlimited ? services.unlimited : services.limited;
}

/// With a token. anyio yields once more when it has got one.
PySendResult shielded(Call& self, PyObject** result) {
  const int noticed = would_notice(self);
  if (noticed < 0) return fail(self, result);
  return noticed != 0 ? yield_to_others(self, Stage::kShielded, result) : submit(self, result);
}

/// Behind the others who wait for a token. Whoever gives it says set(), and the call begins.
PySendResult queue_up(Call& self, const Tokens& tokens, PyObject** result) {
  auto* turn = PyObject_GC_New(Turn, turn_type);
  if (turn == nullptr) return fail(self, result);
  new (&turn->call) PyRef(PyRef::borrow(reinterpret_cast<PyObject*>(&self)));
  new (&turn->future) PyRef(PyRef::steal(create_future(self.loop.get(), nullptr)));
  new (&turn->context) PyRef(PyRef::steal(turn->future ? PyContext_CopyCurrent() : nullptr));
  turn->is_set = false;
  const PyRef owner = PyRef::steal(reinterpret_cast<PyObject*>(turn));
  PyObject_GC_Track(owner.get());
  if (!turn->context || PyObject_SetItem(tokens.queue.get(), self.task.get(), owner.get()) != 0) {
    return fail(self, result);
  }
  self.turn = PyRef::borrow(owner.get());
  const PyRef future = PyRef::borrow(turn->future.get());
  return wait_for(self, future.get(), result);
}

PySendResult acquire(Call& self, PyObject** result) {
  if (self.rules == Rules::kUnlimited) return shielded(self, result);
  const ThreadServices& services = *thread_services();
  PyRef limiter = self.pool->limiter();
  if (!limiter) return fail(self, result);
  if (reinterpret_cast<PyObject*>(Py_TYPE(limiter.get())) != services.limiter_type.get()) {
    return delegate_to(self, others(self).anyios.get(), result);
  }
  Tokens tokens;
  const Token token =
      read_tokens(limiter.get(), tokens) ? borrow_token(limiter.get(), self.task.get(), tokens) : Token::kFailed;
  if (token == Token::kFailed) return fail(self, result);
  self.limiter = std::move(limiter);
  return token == Token::kWait ? queue_up(self, tokens, result) : shielded(self, result);
}

/// None where there is none; empty with an exception set.
PyRef current_task_of(PyObject* loop) {
#if PY_VERSION_HEX >= 0x030C0000
  return PyRef::steal(PyObject_CallOneArg(current_task, loop));
#else
  PyObject* const task = PyDict_GetItemWithError(current_tasks, loop);
  if (task == nullptr && PyErr_Occurred() != nullptr) return {};
  return PyRef::borrow(task != nullptr ? task : Py_None);
#endif
}

/// anyio's cancel scope around `task`: 1 where there is one, 0, or -1 with an exception.
int has_scope(PyObject* task) {
  PyObject* const states = thread_services()->task_states.get();
  if (PyDict_Size(states) == 0) return 0;
  const PyRef reference = PyRef::steal(PyWeakref_NewRef(task, nullptr));
  PyObject* const state = reference ? PyDict_GetItemWithError(states, reference.get()) : nullptr;
  if (state == nullptr) return PyErr_Occurred() != nullptr ? -1 : 0;
  const PyRef scope = PyRef::steal(PyObject_GetAttr(state, name_scope));
  return !scope ? -1 : scope.get() == Py_None ? 0 : 1;
}

}  // namespace

bool within_cancel_scope() noexcept {
  if (thread_services() == nullptr) return true;
  const PyRef loop = PyRef::steal(PyObject_CallNoArgs(running_loop));
  const PyRef task = loop ? current_task_of(loop.get()) : PyRef();
  const int scoped = task && task.get() != Py_None ? has_scope(task.get()) : -1;
  if (scoped < 0) PyErr_Clear();
  return scoped != 0;
}

namespace {

PySendResult begin(Call& self, PyObject** result) {
  PyObject* const anyios = others(self).anyios.get();
  const bool within = self.rules == Rules::kWithin;
  if (PyCallable_Check(items(self)[0]) == 0) {
    PyErr_SetString(PyExc_TypeError, "the first argument must be callable");
    return fail(self, result);
  }
  self.loop = PyRef::steal(PyObject_CallNoArgs(running_loop));
  if (!self.loop) return fail(self, result);
  if (!is_loop(self.loop.get()) || !(within || thread_services_are_own())) {
    return delegate_to(self, anyios, result);
  }
  self.task = current_task_of(self.loop.get());
  if (!self.task) return fail(self, result);
  if (self.task.get() == Py_None) return delegate_to(self, anyios, result);
  self.pool = ThreadPool::of(self.loop.get());
  if (!self.pool) {
    return PyErr_Occurred() != nullptr ? fail(self, result) : delegate_to(self, anyios, result);
  }
  if (within) return submit(self, result);
  const int scoped = has_scope(self.task.get());
  if (scoped < 0) return fail(self, result);
  if (scoped != 0) return delegate_to(self, others(self).in_scope.get(), result);
  const int noticed = would_notice(self);
  if (noticed < 0) return fail(self, result);
  return noticed != 0 ? yield_to_others(self, Stage::kCheckpoint, result) : acquire(self, result);
}

/// What was awaited has given `value`, or has raised.
PySendResult advance(Call& self, PySendResult sent, PyRef value, PyObject** result) {
  self.inner.reset();
  return end(self, sent, std::move(value), result);
}

PySendResult resume(Call& self, PyObject* argument, PyObject** result) {
  const PyRef inner = PyRef::borrow(self.inner.get());
  PyObject* value = nullptr;
  const PySendResult sent = PyIter_Send(inner.get(), argument, &value);
  if (sent != PYGEN_NEXT) return advance(self, sent, PyRef::steal(value), result);
  *result = value;
  return sent;
}

// --- the generator protocol -------------------------------------------------------------------------------

PySendResult step(PyObject* object, PyObject* argument, PyObject** result) {
  Call& self = self_of(object);
  *result = nullptr;
  const RunningStep running(self.running);
  if (!running) return PYGEN_ERROR;
  switch (self.stage) {
    case Stage::kStart:
      return begin(self, result);
    case Stage::kCheckpoint:
      return acquire(self, result);
    case Stage::kShielded:
      return submit(self, result);
    case Stage::kResult:
    case Stage::kElsewhere:
      return resume(self, argument, result);
    case Stage::kDone:
      break;
  }
  refuse_reuse();
  return PYGEN_ERROR;
}

PyObject* throw_method(PyObject* object, PyObject* const* args, Py_ssize_t count) {
  Call& self = self_of(object);
  const RunningStep running(self.running);
  if (!running) return nullptr;
  PyObject* result = nullptr;
  if (self.stage == Stage::kDone) {
    refuse_reuse();
    return nullptr;
  }
  if (!self.inner) {
    PyObject* const raised = raise_thrown(args, count);
    fail(self, &result);
    return raised;
  }
  const PyRef inner = PyRef::borrow(self.inner.get());
  PyObject* value = nullptr;
  PySendResult sent = throw_into(inner.get(), args, count, &value);
  if (sent == PYGEN_NEXT) return value;
  sent = advance(self, sent, PyRef::steal(value), &result);
  return as_iteration(sent, result);
}

PyObject* close_method(PyObject* object, PyObject*) {
  Call& self = self_of(object);
  const RunningStep running(self.running);
  if (!running) return nullptr;
  const PyRef inner = std::move(self.inner);
  if (inner && !PyRef::steal(PyObject_CallMethodNoArgs(inner.get(), name_close))) {
    PyObject* result = nullptr;
    fail(self, &result);
    return nullptr;
  }
  release(self);
  forget(self);
  if (PyErr_Occurred() != nullptr) return nullptr;
  Py_RETURN_NONE;
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  const Call& self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self.values.get());
  Py_VISIT(self.names.get());
  Py_VISIT(self.scope.get());
  Py_VISIT(self.inner.get());
  Py_VISIT(self.loop.get());
  Py_VISIT(self.task.get());
  Py_VISIT(self.limiter.get());
  Py_VISIT(self.turn.get());
  return 0;
}

int clear(PyObject* object) {
  Call& self = self_of(object);
  PyRef pending = PyErr_Occurred() != nullptr ? take_exception() : PyRef();
  release(self);
  if (PyErr_Occurred() != nullptr) PyErr_WriteUnraisable(object);
  if (pending) raise_exception(std::move(pending));
  forget(self);
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  clear(object);
  self_of(object).~Call();
  type->tp_free(object);
  Py_DECREF(type);
}

PyObject* make(PyRef scope, PyObject* const* values, Py_ssize_t count, PyObject* names, Rules rules) {
  const Py_ssize_t total = count + (names == nullptr ? 0 : PyTuple_GET_SIZE(names));
  PyRef tuple = PyRef::steal(PyTuple_New(total));
  auto* self = tuple ? PyObject_GC_New(Call, call_type) : nullptr;
  if (self == nullptr) return nullptr;
  for (Py_ssize_t i = 0; i < total; ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(values[i]));
  self->stage = Stage::kStart;
  self->rules = rules;
  self->running = false;
  new (&self->pool) std::shared_ptr<ThreadPool>();
  new (&self->values) PyRef(std::move(tuple));
  new (&self->names) PyRef(PyRef::borrow(names));
  new (&self->scope) PyRef(std::move(scope));
  for (PyRef* empty : {&self->inner, &self->loop, &self->task, &self->limiter, &self->turn}) new (empty) PyRef();
  PyObject* const object = reinterpret_cast<PyObject*>(self);
  PyObject_GC_Track(object);
  return object;
}

// --- Turn -------------------------------------------------------------------------------------------------

Turn& turn_of(PyObject* object) noexcept { return *reinterpret_cast<Turn*>(object); }

PyObject* turn_set(PyObject* object, PyObject*) {
  Turn& turn = turn_of(object);
  if (std::exchange(turn.is_set, true)) Py_RETURN_NONE;
  const PyRef owner = std::move(turn.call);
  const PyRef future = std::move(turn.future);
  Call& call = self_of(owner.get());
  if (call.stage != Stage::kResult) Py_RETURN_NONE;  // over already
  // Before 4.15 the event's task puts itself among the borrowers, when it wakes up.
  Tokens tokens;
  if (!read_tokens(call.limiter.get(), tokens) || PySet_Add(tokens.borrowers.get(), call.task.get()) != 0) {
    return nullptr;
  }
  if (!call.pool->submit(future.get(), std::move(turn.context), call.scope.get(), items(call), size(call),
                         call.names.get())) {
    const PyRef error = take_exception();
    if (!PyRef::steal(PyObject_CallMethodOneArg(future.get(), name_set_exception, error.get()))) return nullptr;
  }
  Py_RETURN_NONE;
}

PyObject* turn_is_set(PyObject* object, PyObject*) { return PyBool_FromLong(turn_of(object).is_set ? 1 : 0); }

int turn_traverse(PyObject* object, visitproc visit, void* arg) {
  const Turn& turn = turn_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(turn.call.get());
  Py_VISIT(turn.future.get());
  Py_VISIT(turn.context.get());
  return 0;
}

int turn_clear(PyObject* object) {
  Turn& turn = turn_of(object);
  const PyRef call = std::move(turn.call);
  const PyRef future = std::move(turn.future);
  const PyRef context = std::move(turn.context);
  return 0;
}

void turn_dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  turn_clear(object);
  PyObject_GC_Del(object);
  Py_DECREF(type);
}

PyMethodDef turn_methods[] = {{"set", turn_set, METH_NOARGS, nullptr},
                              {"is_set", turn_is_set, METH_NOARGS, nullptr},
                              {nullptr, nullptr, 0, nullptr}};

bool check(PyObject* const* args, Py_ssize_t count, Py_ssize_t least, PyObject* names) {
  if (thread_services() == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "data_bridge.compile.threads was not imported");
    return false;
  }
  if (count < least) {
    PyErr_SetString(PyExc_TypeError, "run_in_threadpool() missing 1 required positional argument: 'func'");
    return false;
  }
  static_cast<void>(args);
  const int twice = names == nullptr ? 0 : PySequence_Contains(names, name_func);
  if (twice == 1) PyErr_SetString(PyExc_TypeError, "run_in_threadpool() got multiple values for argument 'func'");
  return twice == 0;
}

PyObject* run_in_threadpool(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return check(args, count, 1, names) ? make({}, args, count, names, Rules::kLimited) : nullptr;
}

PyObject* run_unlimited(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return check(args, count, 1, names) ? make({}, args, count, names, Rules::kUnlimited) : nullptr;
}

PyObject* call_in_thread(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return check(args, count, 2, names) ? make(PyRef::borrow(args[0]), args + 1, count - 1, names, Rules::kWithin)
                                      : nullptr;
}

template <typename Function>
PyCFunction as_method(Function* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef functions[] = {
    {"run_in_threadpool", as_method(run_in_threadpool), METH_FASTCALL | METH_KEYWORDS,
     "run_in_threadpool(func, /, *args, **kwargs)\n--\n\n"
     "Await func(*args, **kwargs), called in a thread, as starlette.concurrency.run_in_threadpool() does."},
    {"run_unlimited", as_method(run_unlimited), METH_FASTCALL | METH_KEYWORDS,
     "run_unlimited(func, /, *args, **kwargs)\n--\n\n"
     "The same with a limiter of its own: as many of these run as there are."},
    {"call_in_thread", as_method(call_in_thread), METH_FASTCALL | METH_KEYWORDS,
     "call_in_thread(scope, func, /, *args, **kwargs)\n--\n\n"
     "The same without a limiter and a checkpoint: the caller sees to both. `scope` is the cancel scope that\n"
     "anyio.from_thread finds."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

int register_thread_call(PyObject* module) {
  const PyRef asyncio_c = PyRef::steal(PyImport_ImportModule("_asyncio"));
  if (!asyncio_c) return -1;
  running_loop = PyObject_GetAttrString(asyncio_c.get(), "_get_running_loop");
#if PY_VERSION_HEX >= 0x030C0000
  current_task = PyObject_GetAttrString(asyncio_c.get(), "current_task");
  if (current_task == nullptr) return -1;
#else
  current_tasks = PyObject_GetAttrString(asyncio_c.get(), "_current_tasks");
  if (current_tasks == nullptr) return -1;
#endif
  const std::pair<PyObject**, const char*> names[] = {{&name_acquire_nowait, "acquire_on_behalf_of_nowait"},
                                                      {&name_release, "release_on_behalf_of"},
                                                      {&name_borrowers, "_borrowers"},
                                                      {&name_queue, "_wait_queue"},
                                                      {&name_total, "_total_tokens"},
                                                      {&name_set_exception, "set_exception"},
                                                      {&name_scope, "cancel_scope"},
                                                      {&name_must_cancel, "_must_cancel"},
                                                      {&name_close, "close"},
                                                      {&name_func, "func"}};
  for (const auto& [place, text] : names) {
    *place = PyUnicode_InternFromString(text);
    if (*place == nullptr) return -1;
  }
  if (running_loop == nullptr) return -1;
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(turn_dealloc)},
                         {Py_tp_traverse, reinterpret_cast<void*>(turn_traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(turn_clear)},
                         {Py_tp_methods, turn_methods},
                         {0, nullptr}};
  PyType_Spec spec = {"data_bridge._core.Turn", sizeof(Turn), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  turn_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (turn_type == nullptr) return -1;
  call_type = make_coroutine_type({.name = "data_bridge._core.ThreadCall",
                                   .basic_size = sizeof(Call),
                                   .dealloc = dealloc,
                                   .traverse = traverse,
                                   .clear = clear,
                                   .step = step,
                                   .throw_method = throw_method,
                                   .close_method = close_method});
  return call_type != nullptr ? PyModule_AddFunctions(module, functions) : -1;
}

}  // namespace data_bridge::pyloop
