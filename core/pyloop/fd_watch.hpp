// add_reader and add_writer: the callbacks of file descriptors that Python code watches itself.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <system_error>
#include <vector>

#include "pyloop/py_ref.hpp"
#include "pyloop/ready_queue.hpp"
#include "runtime/reactor.hpp"

namespace data_bridge::pyloop {

class FdWatches;

/// One descriptor with a reader, a writer or both. Lives as long as its loop, for whoever has this number next.
class FdWatch final : public runtime::IoHandler {
 public:
  FdWatch(FdWatches& owner, int fd) noexcept : owner_(owner), fd_(fd) {}
  void on_events(std::uint32_t events) noexcept override;

 private:
  friend class FdWatches;
  FdWatches& owner_;
  int fd_;
  std::uint32_t interest_ = 0;
  // Events that epoll reported and Python has not seen yet.
  std::uint32_t pending_ = 0;
  bool queued_ = false;
  FdWatch* next_ = nullptr;
  PyRef reader_;
  PyRef writer_;
  // Where the caller gave an object instead of a number: a closed socket is found again by identity only.
  PyRef file_object_;
};

/// All of one loop. On the loop's thread, or before it runs.
class FdWatches {
 public:
  enum class Side : std::uint8_t { kReader, kWriter };

  explicit FdWatches(runtime::Reactor& reactor) noexcept : reactor_(reactor) {}
  ~FdWatches();

  /// Watches `fd`; the handle that it replaces is cancelled. `file_object` is null or what the caller gave.
  [[nodiscard]] std::error_code set(int fd, Side side, PyRef handle, PyObject* file_object);
  /// True where there was one to remove; it is cancelled.
  bool remove(int fd, Side side);
  /// The descriptor that was registered under this very object; -1 where none was.
  [[nodiscard]] int find(PyObject* file_object) const noexcept;

  /// Descriptors watched at present.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool pending() const noexcept { return pending_head_ != nullptr; }
  /// Moves the callbacks of what is ready into `ready`, as asyncio's _process_events. False without memory: what was
  /// not moved comes with the next call.
  [[nodiscard]] bool collect(ReadyQueue<PyObject>& ready);
  /// A dict {fd: (events as in selectors, reader or None, writer or None)}; null with an exception.
  [[nodiscard]] PyRef snapshot() const;
  /// After Reactor::reopen(): watches again what was watched. What is no descriptor any more is dropped.
  void reopen() noexcept;
  void clear() noexcept;
  int traverse(visitproc visit, void* arg) const;

 private:
  friend class FdWatch;
  [[nodiscard]] std::error_code apply(FdWatch& watch, std::uint32_t interest);

  runtime::Reactor& reactor_;
  std::vector<std::unique_ptr<FdWatch>> by_fd_;
  std::size_t size_ = 0;
  FdWatch* pending_head_ = nullptr;
  FdWatch* pending_tail_ = nullptr;
};

}  // namespace data_bridge::pyloop
