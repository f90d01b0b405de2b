// LoopCore: how native code hands work to a PyLoop.
#include "pyloop/loop.hpp"

#include "pyloop/loop_state.hpp"
#include "pyloop/loop_type.hpp"

namespace data_bridge::pyloop {

LoopCore* LoopCore::from_object(PyObject* loop) {
  if (!is_loop(loop)) {
    PyErr_Format(PyExc_TypeError, "a data_bridge.PyLoop was expected, got %R", loop);
    return nullptr;
  }
  return &LoopState::of(loop);
}

runtime::Reactor& LoopCore::reactor() noexcept { return static_cast<LoopState*>(this)->reactor_; }

void LoopCore::enqueue(PythonWork& work) noexcept {
  auto& state = *static_cast<LoopState*>(this);
  work.next_ = nullptr;
  if (state.work_tail_ != nullptr) {
    state.work_tail_->next_ = &work;
  } else {
    state.work_head_ = &work;
  }
  state.work_tail_ = &work;
}

const std::shared_ptr<LoopMailbox>& LoopCore::mailbox() const noexcept {
  return static_cast<const LoopState*>(this)->mailbox_;
}

bool LoopCore::in_loop_thread() const noexcept {
  return static_cast<const LoopState*>(this)->runner_.load() == std::this_thread::get_id();
}

}  // namespace data_bridge::pyloop
