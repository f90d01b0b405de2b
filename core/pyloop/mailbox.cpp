// LoopMailbox: work and references from threads without the GIL.
#include "pyloop/mailbox.hpp"

#include <new>
#include <utility>

namespace data_bridge::pyloop {

namespace {

bool interpreter_lives() noexcept {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsInitialized() != 0 && Py_IsFinalizing() == 0;
#else
  return Py_IsInitialized() != 0 && _Py_IsFinalizing() == 0;
#endif
}

}  // namespace

// Before Py_Initialize() and after Py_Finalize() PyGILState_Check() answers 1.
bool has_gil() noexcept { return Py_IsInitialized() != 0 && PyGILState_Check() != 0; }

// In an interpreter that is shutting down PyGILState_Ensure() ends the thread (before 3.14), so it is not asked.
GilGuard::GilGuard() noexcept : held_(has_gil() || interpreter_lives()) {
  if (held_) state_ = PyGILState_Ensure();
}

GilGuard::~GilGuard() {
  if (held_) PyGILState_Release(state_);
}

// The wake-up is made under the lock: afterwards the reactor may be gone.
void LoopMailbox::fill_locked() noexcept {
  if (!filled_.exchange(true, std::memory_order_release)) reactor_->wake();
}

bool LoopMailbox::post(PythonWork& work) noexcept {
  work.next_ = nullptr;
  const std::scoped_lock lock(mutex_);
  if (reactor_ == nullptr) return false;
  (content_.head == nullptr ? content_.head : content_.tail->next_) = &work;
  content_.tail = &work;
  fill_locked();
  return true;
}

void LoopMailbox::let_go(PyObject* object) noexcept {
  if (object == nullptr) return;
  if (!has_gil()) {
    const std::scoped_lock lock(mutex_);
    if (reactor_ != nullptr) {
      try {
        content_.objects.push_back(object);
        fill_locked();
        return;
      } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): the GIL it must be, then
      }
    }
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
  const std::scoped_lock lock(mutex_);
  reactor_ = nullptr;
  filled_.store(false, std::memory_order_relaxed);
  return std::exchange(content_, {});
}

}  // namespace data_bridge::pyloop
