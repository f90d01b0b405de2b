// A growable run of bytes, filled at its end and consumed at its beginning.
#include "runtime/buffer.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace data_bridge::runtime {

// malloc's family, since realloc grows a large block by mremap(2) instead of copying it.
Buffer::~Buffer() { std::free(data_); }

void Buffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
  commit(bytes.size());
}

void Buffer::make_room(std::size_t size) {
  const std::size_t used = this->size();
  // Moving down costs what is kept; it pays while at least half was consumed.
  if (begin_ >= used && capacity_ - used >= size) {
    if (used > 0) std::memmove(data_, data_ + begin_, used);
    begin_ = 0;
    end_ = used;
    return;
  }
  constexpr std::size_t kSmallest = 2048;
  if (size > SIZE_MAX / 2 - end_) throw std::bad_alloc();
  const std::size_t wanted = std::max({kSmallest, end_ + size, capacity_ + capacity_ / 2});
  void* const grown = std::realloc(data_, wanted);
  if (grown == nullptr) throw std::bad_alloc();
  data_ = static_cast<char*>(grown);
  capacity_ = wanted;
}

}  // namespace data_bridge::runtime
