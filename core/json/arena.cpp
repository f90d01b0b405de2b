// The slow path of the arena: new blocks, and giving them back.
#include "json/arena.hpp"

#include <algorithm>
#include <cstring>

namespace data_bridge::json {

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) {
    return {};
  }
  char* bytes = static_cast<char*>(allocate(text.size()));
  std::memcpy(bytes, text.data(), text.size());
  return {bytes, text.size()};
}

void Arena::grow(std::size_t bytes) {
  const std::size_t size = std::max(next_block_, bytes);
  // new char[] is aligned for any fundamental type, hence for kAlignment; it is left uninitialised.
  blocks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
  cursor_ = blocks_.back().bytes.get();
  end_ = cursor_ + size;
  next_block_ = size * 2;
}

std::size_t Arena::size() const noexcept {
  std::size_t size = 0;
  for (const Block& block : blocks_) size += block.size;
  return size;
}

void Arena::reset() noexcept {
  if (blocks_.empty()) {
    return;
  }
  if (blocks_.size() > 1) {
    std::swap(blocks_.front(), blocks_.back());
    blocks_.resize(1);
  }
  if (blocks_.front().size > kKeptBlock) {
    blocks_.clear();
    cursor_ = end_ = nullptr;
    next_block_ = kFirstBlock;
    return;
  }
  cursor_ = blocks_.front().bytes.get();
  end_ = cursor_ + blocks_.front().size;
  next_block_ = blocks_.front().size * 2;
}

}  // namespace data_bridge::json
