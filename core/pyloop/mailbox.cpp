// LoopMailbox: work and references from threads without the GIL.
#include "pyloop/mailbox.hpp"

#include <pthread.h>

#include <mutex>
#include <new>
#include <shared_mutex>
#include <utility>

#include "pyloop/py_ref.hpp"

namespace data_bridge::pyloop {

namespace {

bool interpreter_lives() noexcept {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsInitialized() != 0 && Py_IsFinalizing() == 0;
#else
  return Py_IsInitialized() != 0 && _Py_IsFinalizing() == 0;
#endif
}

// In an interpreter that is shutting down PyGILState_Ensure() ends the thread (before 3.14), through frames that have
// something to destroy and others that are noexcept. To ask whether it lives and then to wait for the GIL would be two
// steps; who waits, or has it, therefore holds this lock, and the interpreter does not begin to end meanwhile.
std::shared_mutex ending;
bool ended = false;  // under `ending`

PyObject* end_gil(PyObject*, PyObject*) {
  Py_BEGIN_ALLOW_THREADS  // those who wait for the GIL get it first
      const std::unique_lock lock(ending);
  ended = true;
  Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

PyMethodDef end_gil_definition = {"_end_gil", end_gil, METH_NOARGS, nullptr};

}  // namespace

int register_mailbox() {
  // A forked child has none of the threads that may have held it.
  static const int at_fork = pthread_atfork(nullptr, nullptr, [] { new (&ending) std::shared_mutex; });
  if (at_fork != 0) {
    PyErr_NoMemory();
    return -1;
  }
  {
    const std::unique_lock lock(ending);
    ended = false;  // an embedder's next interpreter
  }
  const PyRef atexit = PyRef::steal(PyImport_ImportModule("atexit"));
  const PyRef function = PyRef::steal(PyCFunction_New(&end_gil_definition, nullptr));
  if (!atexit || !function) return -1;
  return PyRef::steal(PyObject_CallMethod(atexit.get(), "register", "O", function.get())) ? 0 : -1;
}

// Before Py_Initialize() and after Py_Finalize() PyGILState_Check() answers 1.
bool has_gil() noexcept { return Py_IsInitialized() != 0 && PyGILState_Check() != 0; }

GilGuard::GilGuard() noexcept {
  if (has_gil()) {
    held_ = true;
  } else {
    ending.lock_shared();
    waited_ = true;
    held_ = !ended && interpreter_lives();
  }
  if (held_) state_ = PyGILState_Ensure();
}

GilGuard::~GilGuard() {
  if (held_) PyGILState_Release(state_);
  if (waited_) ending.unlock_shared();
}

/// True where the loop is to be woken, without the lock.
bool LoopMailbox::fill_locked() noexcept { return !filled_.exchange(true, std::memory_order_release); }

void LoopMailbox::wake() noexcept {
  const std::scoped_lock lock(waking_);  // afterwards the reactor may be gone
  if (reactor_ != nullptr) reactor_->wake();
}

bool LoopMailbox::post(PythonWork& work) noexcept {
  work.next_ = nullptr;
  bool sleeps = false;
  {
    const std::scoped_lock lock(mutex_);
    if (!open_) return false;
    (content_.head == nullptr ? content_.head : content_.tail->next_) = &work;
    content_.tail = &work;
    sleeps = fill_locked();
  }
  if (sleeps) wake();
  return true;
}

bool LoopMailbox::keep(PyObject* object, bool& sleeps) noexcept {
  const std::scoped_lock lock(mutex_);
  if (!open_) return false;
  try {
    content_.objects.push_back(object);
  } catch (const std::bad_alloc&) {
    return false;  // the GIL it must be, then
  }
  sleeps = fill_locked();
  return true;
}

void LoopMailbox::let_go(PyObject* object) noexcept {
  if (object == nullptr) return;
  bool sleeps = false;
  if (!has_gil() && keep(object, sleeps)) {
    if (sleeps) wake();
    return;
  }
  if (const GilGuard gil; gil) Py_DECREF(object);
}

void LoopMailbox::let_go(PythonWork& work) noexcept {
  if (!has_gil() && post(work)) return;
  if (const GilGuard gil; gil) work.run();
}

LoopMailbox::Content LoopMailbox::take() noexcept {
  const std::scoped_lock lock(mutex_);
  filled_.store(false, std::memory_order_relaxed);
  return std::exchange(content_, {});
}

LoopMailbox::Content LoopMailbox::shut() noexcept {
  loop_ = nullptr;
  const std::scoped_lock lock(mutex_, waking_);
  open_ = false;
  reactor_ = nullptr;
  filled_.store(false, std::memory_order_relaxed);
  return std::exchange(content_, {});
}

}  // namespace data_bridge::pyloop
