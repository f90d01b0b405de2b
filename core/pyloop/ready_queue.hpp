// The FIFO of what call_soon scheduled: a ring that grows.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace data_bridge::pyloop {

/// A FIFO of pointers in a power-of-two ring. Not thread-safe: the GIL guards PyLoop's.
template <typename T, typename Allocator = std::allocator<T*>>
class ReadyQueue {
 public:
  ReadyQueue() : slots_(kInitial) {}

  [[nodiscard]] bool empty() const noexcept { return head_ == tail_; }
  [[nodiscard]] std::size_t size() const noexcept { return tail_ - head_; }

  /// False without memory: then nothing has changed. CPython's frames lie between this and whoever could catch.
  [[nodiscard]] bool push(T* item) noexcept {
    if (size() == slots_.size() && !grow()) return false;
    slots_[tail_++ & (slots_.size() - 1)] = item;
    return true;
  }

  /// push(), but as the oldest.
  [[nodiscard]] bool push_front(T* item) noexcept {
    if (size() == slots_.size() && !grow()) return false;
    slots_[--head_ & (slots_.size() - 1)] = item;
    return true;
  }

  /// The oldest; the queue must not be empty.
  T* pop() noexcept { return slots_[head_++ & (slots_.size() - 1)]; }

  template <typename Visitor>
  void for_each(Visitor visit) const {
    for (std::size_t i = head_; i != tail_; ++i) visit(slots_[i & (slots_.size() - 1)]);
  }

 private:
  static constexpr std::size_t kInitial = 64;

  bool grow() noexcept {
    try {
      std::vector<T*, Allocator> wider(slots_.size() * 2);
      std::size_t count = 0;
      for_each([&](T* item) { wider[count++] = item; });
      slots_.swap(wider);
      head_ = 0;
      tail_ = count;
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  std::vector<T*, Allocator> slots_;
  // A slot is the index modulo the size; what matters is only the distance, also where an index has wrapped around.
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

}  // namespace data_bridge::pyloop
