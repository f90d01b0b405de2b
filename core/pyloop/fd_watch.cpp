// Readers and writers on epoll, with the semantics of asyncio's selector loop.
#include "pyloop/fd_watch.hpp"

#include <sys/epoll.h>

#include <utility>

#include "pyloop/handle.hpp"

namespace data_bridge::pyloop {

namespace {

// selectors.EVENT_READ and EVENT_WRITE
constexpr int kEventRead = 1;
constexpr int kEventWrite = 2;

constexpr std::uint32_t interest_of(FdWatches::Side side) noexcept {
  return side == FdWatches::Side::kReader ? static_cast<std::uint32_t>(EPOLLIN) : static_cast<std::uint32_t>(EPOLLOUT);
}

}  // namespace

void FdWatch::on_events(std::uint32_t events) noexcept {
  pending_ |= events;
  if (queued_) return;
  queued_ = true;
  next_ = nullptr;
  if (owner_.pending_tail_ != nullptr) {
    owner_.pending_tail_->next_ = this;
  } else {
    owner_.pending_head_ = this;
  }
  owner_.pending_tail_ = this;
}

FdWatches::~FdWatches() { clear(); }

std::error_code FdWatches::apply(FdWatch& watch, std::uint32_t interest) {
  std::error_code error;
  if (interest == 0) {
    reactor_.remove(watch.fd_);
  } else if (watch.interest_ == 0) {
    error = reactor_.add(watch.fd_, interest, watch);
  } else {
    // Also where nothing changes: a descriptor that was closed unseen is gone from epoll, and another may have
    // its number now. Asking the kernel is the only way to know.
    error = reactor_.modify(watch.fd_, interest);
    if (error) {
      reactor_.remove(watch.fd_);
      error = reactor_.add(watch.fd_, interest, watch);
    }
  }
  const std::uint32_t before = std::exchange(watch.interest_, error ? 0 : interest);
  if (before == 0 && watch.interest_ != 0) ++size_;
  if (before != 0 && watch.interest_ == 0) --size_;
  return error;
}

std::error_code FdWatches::set(int fd, Side side, PyRef handle, PyObject* file_object) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= by_fd_.size()) by_fd_.resize(std::max(index + 1, by_fd_.size() * 2));
  if (!by_fd_[index]) by_fd_[index] = std::make_unique<FdWatch>(*this, fd);
  FdWatch& watch = *by_fd_[index];

  const bool fresh = watch.interest_ == 0;
  if (std::error_code error = apply(watch, watch.interest_ | interest_of(side))) {
    watch.pending_ = 0;
    watch.reader_.reset();
    watch.writer_.reset();
    watch.file_object_.reset();
    return error;
  }
  if (fresh) watch.pending_ = 0;
  if (file_object != nullptr) watch.file_object_ = PyRef::borrow(file_object);
  PyRef& slot = side == Side::kReader ? watch.reader_ : watch.writer_;
  PyRef old = std::exchange(slot, std::move(handle));
  if (old) cancel_handle(old.get());
  return {};
}

bool FdWatches::remove(int fd, Side side) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= by_fd_.size() || !by_fd_[index] || by_fd_[index]->interest_ == 0) return false;
  FdWatch& watch = *by_fd_[index];
  const std::uint32_t interest = watch.interest_ & ~interest_of(side);
  if (interest != watch.interest_) {
    // A failure means that the descriptor is gone; then the other side is as good as removed too.
    (void)apply(watch, interest);
  }
  PyRef& slot = side == Side::kReader ? watch.reader_ : watch.writer_;
  PyRef old = std::exchange(slot, PyRef());
  PyRef file_object;
  if (watch.interest_ == 0) {
    watch.pending_ = 0;
    file_object = std::move(watch.file_object_);
  }
  if (!old) return false;
  cancel_handle(old.get());
  return true;
}

int FdWatches::find(PyObject* file_object) const noexcept {
  for (const auto& watch : by_fd_) {
    if (watch && watch->interest_ != 0 && watch->file_object_.get() == file_object) return watch->fd_;
  }
  return -1;
}

void FdWatches::collect(ReadyQueue<PyObject>& ready) {
  while (FdWatch* watch = pending_head_) {
    pending_head_ = watch->next_;
    if (pending_head_ == nullptr) pending_tail_ = nullptr;
    watch->queued_ = false;
    // An error or a hang-up wakes both sides, as EpollSelector.select() has it.
    const std::uint32_t events = std::exchange(watch->pending_, 0);
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0 && watch->reader_) {
      if (handle_cancelled(watch->reader_.get())) {
        remove(watch->fd_, Side::kReader);
      } else {
        ready.push(Py_NewRef(watch->reader_.get()));
      }
    }
    if ((events & ~static_cast<std::uint32_t>(EPOLLIN)) != 0 && watch->writer_) {
      if (handle_cancelled(watch->writer_.get())) {
        remove(watch->fd_, Side::kWriter);
      } else {
        ready.push(Py_NewRef(watch->writer_.get()));
      }
    }
  }
}

PyRef FdWatches::snapshot() const {
  PyRef map = PyRef::steal(PyDict_New());
  if (!map) return {};
  for (const auto& watch : by_fd_) {
    if (!watch || watch->interest_ == 0) continue;
    const int events =
        ((watch->interest_ & EPOLLIN) != 0 ? kEventRead : 0) | ((watch->interest_ & EPOLLOUT) != 0 ? kEventWrite : 0);
    PyRef key = PyRef::steal(PyLong_FromLong(watch->fd_));
    PyRef value = PyRef::steal(Py_BuildValue("(iOO)", events, watch->reader_ ? watch->reader_.get() : Py_None,
                                             watch->writer_ ? watch->writer_.get() : Py_None));
    if (!key || !value || PyDict_SetItem(map.get(), key.get(), value.get()) < 0) return {};
  }
  return map;
}

void FdWatches::clear() noexcept {
  pending_head_ = pending_tail_ = nullptr;
  // Dropping a handle runs arbitrary code, which may come back here: take the table away first.
  auto table = std::exchange(by_fd_, {});
  for (const auto& watch : table) {
    if (watch && watch->interest_ != 0) reactor_.remove(watch->fd_);
  }
  size_ = 0;
}

int FdWatches::traverse(visitproc visit, void* arg) const {
  for (const auto& watch : by_fd_) {
    if (!watch) continue;
    Py_VISIT(watch->reader_.get());
    Py_VISIT(watch->writer_.get());
    Py_VISIT(watch->file_object_.get());
  }
  return 0;
}

}  // namespace data_bridge::pyloop
