// Memory for the values of one request: a pointer that moves forward, and one reset() for all of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace data_bridge::json {

/// A bump allocator. What it hands out lives until reset() or the end of the arena; destructors are
/// not run, so it holds trivially destructible objects only. Not thread-safe: one per request or thread.
class Arena {
 public:
  /// `first_block`: bytes of the first block, taken at the first allocation. 4 KiB hold the values of
  /// an ordinary body, so that one allocation per thread serves request after request.
  explicit Arena(std::size_t first_block = kFirstBlock) noexcept : next_block_(first_block) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Uninitialised bytes, aligned for any value of json. Throws std::bad_alloc.
  [[nodiscard]] void* allocate(std::size_t bytes) {
    bytes = (bytes + kAlignment - 1) & ~(kAlignment - 1);
    if (bytes > static_cast<std::size_t>(end_ - cursor_)) {
      grow(bytes);
    }
    char* result = cursor_;
    cursor_ += bytes;
    return result;
  }

  /// An uninitialised array of `count` objects.
  template <typename T>
  [[nodiscard]] T* allocate_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= kAlignment);
    return static_cast<T*>(allocate(count * sizeof(T)));
  }

  /// A copy of `text` that lives as long as the arena.
  [[nodiscard]] std::string_view copy(std::string_view text);

  /// Bytes that it holds.
  [[nodiscard]] std::size_t size() const noexcept;

  /// Gives back everything at once; keeps the newest (largest) block for the next request unless it
  /// exceeds kKeptBlock, so that one large body does not pin memory for ever.
  void reset() noexcept;

 private:
  static constexpr std::size_t kAlignment = 8;
  static constexpr std::size_t kFirstBlock = 4096;
  static constexpr std::size_t kKeptBlock = 256 * 1024;

  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };

  void grow(std::size_t bytes);

  char* cursor_ = nullptr;
  char* end_ = nullptr;
  std::size_t next_block_;
  std::vector<Block> blocks_;
};

}  // namespace data_bridge::json
