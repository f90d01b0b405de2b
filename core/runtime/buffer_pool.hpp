// Buffers of one thread that wait for their next use.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "runtime/buffer.hpp"

namespace data_bridge::runtime {

/// What is idle owns no buffer: it borrows one while it has bytes. Bounded in number and in size.
class BufferPool {
 public:
  BufferPool() { spare_.reserve(kMost); }

  /// Empty, with or without memory.
  [[nodiscard]] Buffer take() noexcept {
    if (spare_.empty()) return {};
    Buffer buffer = std::move(spare_.back());
    spare_.pop_back();
    return buffer;
  }
  void give_back(Buffer buffer) noexcept {
    if (buffer.capacity() == 0 || buffer.capacity() > kLargest || spare_.size() >= kMost) return;
    buffer.clear();
    spare_.push_back(std::move(buffer));
  }

 private:
  static constexpr std::size_t kMost = 256;
  static constexpr std::size_t kLargest = std::size_t{64} * 1024;

  std::vector<Buffer> spare_;
};

}  // namespace data_bridge::runtime
