// A growable run of bytes, filled at its end and consumed at its beginning.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace data_bridge::runtime {

/// Not zero-initialised, unlike std::string; owns nothing while it is empty and untouched.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        begin_(std::exchange(other.begin_, 0)),
        end_(std::exchange(other.end_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Buffer();

  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::string_view view() const noexcept { return {data_ + begin_, size()}; }
  /// The same, for those who change what is there.
  [[nodiscard]] std::span<char> bytes() noexcept { return {data_ + begin_, size()}; }

  /// Room for `size` more bytes behind the last; invalidates view(). Throws std::bad_alloc.
  [[nodiscard]] char* reserve(std::size_t size) {
    if (capacity_ - end_ < size) make_room(size);
    return data_ + end_;
  }
  /// `size` bytes of the room that reserve() gave have been written.
  void commit(std::size_t size) noexcept { end_ += size; }
  void append(std::string_view bytes);
  void consume(std::size_t size) noexcept {
    begin_ += size;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void clear() noexcept { begin_ = end_ = 0; }

 private:
  void make_room(std::size_t size);

  char* data_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace data_bridge::runtime
