// Python's way through zlib.
#include "middleware/deflater.hpp"

#include <algorithm>
#include <ctime>
#include <limits>
#include <new>

namespace data_bridge::middleware {
namespace {

constexpr int kGzipWindow = 16 + MAX_WBITS;
constexpr int kMemoryLevel = 8;  // zlib's default, and Python's
constexpr int kUnknownSystem = 255;
constexpr std::size_t kLeastRoom = 4096;

}  // namespace

Deflater::Deflater(int level) {
  if (deflateInit2(&stream_, level, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
}

Deflater::~Deflater() { deflateEnd(&stream_); }

void Deflater::name_time() {
  header_ = {};
  header_.time = static_cast<uLong>(std::time(nullptr));
  header_.os = kUnknownSystem;
  deflateSetHeader(&stream_, &header_);
}

void Deflater::reset() noexcept {
  deflateReset(&stream_);
  deflateSetHeader(&stream_, nullptr);  // which it keeps
}

void Deflater::run(std::string_view bytes, int flush, runtime::Buffer& out) {
  // zlib counts in unsigned int.
  constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
  do {
    const std::string_view some = bytes.substr(0, kMost);
    bytes.remove_prefix(some.size());
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(some.data()));
    stream_.avail_in = static_cast<uInt>(some.size());
    do {
      const std::size_t room = std::max(kLeastRoom, some.size() / 4);
      char* const to = out.reserve(room);
      stream_.next_out = reinterpret_cast<Bytef*>(to);
      stream_.avail_out = static_cast<uInt>(std::min(room, kMost));
      const uInt before = stream_.avail_out;
      if (deflate(&stream_, bytes.empty() ? flush : Z_NO_FLUSH) == Z_STREAM_ERROR) throw std::bad_alloc();
      out.commit(before - stream_.avail_out);
    } while (stream_.avail_out == 0);
  } while (!bytes.empty());
}

}  // namespace data_bridge::middleware
