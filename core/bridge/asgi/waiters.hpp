// Who waits for something to happen to a request: any number of tasks.
#pragma once

#include <Python.h>

#include <cstddef>
#include <vector>

#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Futures that are all resolved together, as those of an asyncio.Event are. With the GIL, on the loop's thread.
class Waiters {
 public:
  /// A new future of `loop`, for one waiter; empty with a Python exception set on failure.
  [[nodiscard]] pyloop::PyRef add(PyObject* loop);
  /// Resolves every future that is not done.
  void wake() noexcept;

  int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  void forget_done();

  std::vector<pyloop::PyRef> futures_;
  // Waiters that were cancelled stay here until there are so many: a client that stays, and an application that asks
  // again and again whether it has left, must not fill the memory.
  std::size_t tidy_at_ = kFewest;
  static constexpr std::size_t kFewest = 8;
};

}  // namespace data_bridge::bridge
