// A Python object in the hands of threads without the GIL.
#pragma once

#include <Python.h>

#include <memory>
#include <utility>

#include "pyloop/mailbox.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::pyloop {

/// Keeps one reference for all its copies. Any thread may copy and destroy it without the GIL: the last copy hands
/// the reference to the loop, which drops it (LoopMailbox::let_go). Looking at the object needs the GIL.
class SharedObject {
 public:
  SharedObject() noexcept = default;
  /// Moving a PyRef needs no GIL; making one does.
  SharedObject(PyRef object, std::shared_ptr<LoopMailbox> mailbox)
      : object_(object.release(), [mailbox = std::move(mailbox)](PyObject* last) noexcept { mailbox->let_go(last); }) {}

  /// Borrowed; null where empty.
  [[nodiscard]] PyObject* get() const noexcept { return object_.get(); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  std::shared_ptr<PyObject> object_;
};

/// Shares what holds Python objects among threads without the GIL: the last owner, whoever that is, has it destroyed
/// under the rules of LoopMailbox::let_go(). Looking at those objects needs the GIL.
template <typename T>
[[nodiscard]] std::shared_ptr<T> share_across_threads(std::unique_ptr<T> owned, std::shared_ptr<LoopMailbox> mailbox) {
  struct Burial final : PythonWork {
    explicit Burial(T* object) noexcept : object_(object) {}
    void run() noexcept override {
      delete object_;
      delete this;
    }
    void drop() noexcept override { run(); }
    T* object_;
  };
  // Made beforehand: a destructor must not want memory.
  auto burial = std::make_unique<Burial>(owned.get());
  std::shared_ptr<T> shared(
      owned.get(), [burial = burial.get(), mailbox = std::move(mailbox)](T*) noexcept { mailbox->let_go(*burial); });
  (void)owned.release();
  (void)burial.release();
  return shared;
}

}  // namespace data_bridge::pyloop
