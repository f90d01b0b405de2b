// From a coroutine's first step to its end, its cancellation or its loop's end.
#include "pyloop/driven.hpp"

#include <utility>

namespace data_bridge::pyloop {

void Driven::suspended(PyObject* loop, PyRef task) noexcept {
  // From now on it can be cancelled, and must hear of the loop's end.
  task_ = std::move(task);
  loop_ = &LoopState::of(loop);
  loop_->add_resident(*this);
  if (std::exchange(cancel_due_, false)) cancel();
}

void Driven::cancel() noexcept {
  if (!task_) {
    cancel_due_ = true;
    return;
  }
  const PyRef task = PyRef::borrow(task_.get());
  if (!PyRef::steal(PyObject_CallMethod(task.get(), "cancel", nullptr))) PyErr_WriteUnraisable(task.get());
}

void Driven::done(PyObject* result, PyObject* exception) noexcept {
  if (task_) loop_->remove_resident(*this);
  const PyRef task = std::move(task_);
  on_end(result, exception);
}

void Driven::loop_closed() noexcept {
  const PyRef task = std::move(task_);
  forget_completion(task.get());
  on_loop_closed();
}

}  // namespace data_bridge::pyloop
