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

// Letting go of a handle or of a file object runs arbitrary code, which may change or clear the table: it happens when
// the locals go, after the last look at a watch.

std::error_code FdWatches::set(int fd, Side side, PyRef handle, PyObject* file_object) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= by_fd_.size()) by_fd_.resize(std::max(index + 1, by_fd_.size() * 2));
  if (!by_fd_[index]) by_fd_[index] = std::make_unique<FdWatch>(*this, fd);
  FdWatch& watch = *by_fd_[index];

  const bool fresh = watch.interest_ == 0;
  if (std::error_code error = apply(watch, watch.interest_ | interest_of(side))) {
    watch.pending_ = 0;
    const PyRef reader = std::move(watch.reader_);
    const PyRef writer = std::move(watch.writer_);
    const PyRef file = std::move(watch.file_object_);
    return error;
  }
  if (fresh) watch.pending_ = 0;
  PyRef old_file;
  if (file_object != nullptr) old_file = std::exchange(watch.file_object_, PyRef::borrow(file_object));
  const PyRef old = std::exchange(side == Side::kReader ? watch.reader_ : watch.writer_, std::move(handle));
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
  PyRef file_object;
  if (watch.interest_ == 0) {
    watch.pending_ = 0;
    file_object = std::move(watch.file_object_);
  }
  const PyRef old = std::move(side == Side::kReader ? watch.reader_ : watch.writer_);
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

bool FdWatches::collect(ReadyQueue<PyObject>& ready) {
  while (FdWatch* watch = pending_head_) {
    // An error or a hang-up wakes both sides, as EpollSelector.select() has it.
    const auto wakes = [watch](Side side) {
      const auto other = interest_of(side == Side::kReader ? Side::kWriter : Side::kReader);
      return (watch->pending_ & ~other) != 0;
    };
    for (const Side side : {Side::kReader, Side::kWriter}) {
      const PyRef handle = PyRef::borrow((side == Side::kReader ? watch->reader_ : watch->writer_).get());
      if (!handle || !wakes(side)) continue;
      if (handle_cancelled(handle.get())) {
        remove(watch->fd_, side);
      } else if (ready.push(handle.get())) {
        Py_INCREF(handle.get());
      } else {
        return false;
      }
      // Not again, should there be no memory for the other side; an error stands for both.
      watch->pending_ &= ~interest_of(side);
    }
    watch->pending_ = 0;
    watch->queued_ = false;
    pending_head_ = watch->next_;
    if (pending_head_ == nullptr) pending_tail_ = nullptr;
  }
  return true;
}

PyRef FdWatches::snapshot() const {
  PyRef map = PyRef::steal(PyDict_New());
  if (!map) return {};
  // By index and with references of its own: before Python 3.12 each new tuple may start a collection of garbage, whose
  // finalisers may add and remove descriptors.
  for (std::size_t fd = 0; fd < by_fd_.size(); ++fd) {
    const FdWatch* watch = by_fd_[fd].get();
    if (watch == nullptr || watch->interest_ == 0) continue;
    const int events =
        ((watch->interest_ & EPOLLIN) != 0 ? kEventRead : 0) | ((watch->interest_ & EPOLLOUT) != 0 ? kEventWrite : 0);
    const PyRef reader = PyRef::borrow(watch->reader_ ? watch->reader_.get() : Py_None);
    const PyRef writer = PyRef::borrow(watch->writer_ ? watch->writer_.get() : Py_None);
    const PyRef key = PyRef::steal(PyLong_FromSize_t(fd));
    const PyRef value = PyRef::steal(Py_BuildValue("(iOO)", events, reader.get(), writer.get()));
    if (!key || !value || PyDict_SetItem(map.get(), key.get(), value.get()) < 0) return {};
  }
  return map;
}

void FdWatches::reopen() noexcept {
  pending_head_ = pending_tail_ = nullptr;
  size_ = 0;
  for (const auto& watch : by_fd_) {
    if (!watch) continue;
    watch->queued_ = false;
    watch->pending_ = 0;
    if (watch->interest_ != 0 && reactor_.add(watch->fd_, watch->interest_, *watch)) watch->interest_ = 0;
    if (watch->interest_ != 0) ++size_;
  }
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
