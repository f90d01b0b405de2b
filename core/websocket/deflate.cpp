// permessage-deflate in both directions (RFC 7692, 7.2).
#include "websocket/deflate.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <utility>

#include "websocket/shared_payload.hpp"

namespace data_bridge::websocket {
namespace {

// What websockets compresses with; the bytes are zlib's choice then.
constexpr int kLevel = Z_DEFAULT_COMPRESSION;
constexpr int kMemoryLevel = 5;
// What ends a message and is not sent (RFC 7692, 7.2.1).
constexpr std::string_view kTail("\x00\x00\xff\xff", 4);
constexpr std::size_t kLeastRoom = 1024;
constexpr std::size_t kMostRoom = std::size_t{256} * 1024;

std::uint8_t* bytes_of(std::string_view text) noexcept {
  // zlib reads from it, though it does not say so.
  return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
}

/// The front of `text` that zlib can count.
std::string_view countable(std::string_view text) noexcept { return text.substr(0, std::numeric_limits<uInt>::max()); }

}  // namespace

Deflater::Deflater(const DeflateParameters& parameters) noexcept
    : window_bits_(parameters.server_max_window_bits), no_context_takeover_(parameters.server_no_context_takeover) {}

Deflater::~Deflater() { sleep(); }

void Deflater::wake() {
  if (awake_ != nullptr) return awake_->touch(place_);
  auto awake = Awake<Deflater>::of_this_thread();
  place_ = awake->add(*this);
  stream_ = {};
  if (deflateInit2(&stream_, kLevel, Z_DEFLATED, -window_bits_, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
    awake->remove(place_);
    throw std::bad_alloc();
  }
  awake_ = std::move(awake);
}

void Deflater::sleep() noexcept {
  if (awake_ == nullptr) return;
  deflateEnd(&stream_);
  awake_->remove(place_);
  awake_.reset();
}

void Deflater::run(std::string_view input, int flush, std::string& out) {
  do {
    const std::string_view part = countable(input);
    input.remove_prefix(part.size());
    stream_.next_in = bytes_of(part);
    stream_.avail_in = static_cast<uInt>(part.size());
    do {
      // As much as Python's zlib gives at first. Much more than what a flush writes: one that just fits is written
      // twice.
      thread_local std::array<std::uint8_t, std::size_t{16} * 1024> written;
      stream_.next_out = written.data();
      stream_.avail_out = static_cast<uInt>(written.size());
      deflate(&stream_, flush);  // Z_BUF_ERROR: there was nothing to do
      out.append(reinterpret_cast<const char*>(written.data()), written.size() - stream_.avail_out);
    } while (stream_.avail_out == 0);
  } while (!input.empty());
}

void Deflater::compress(std::string_view message, std::string& out) {
  SharedPayload& shared = SharedPayload::of_this_thread();
  const bool begins = awake_ == nullptr;
  if (begins && (no_context_takeover_ || Awake<Deflater>::of_this_thread()->full()) &&
      shared.is_of(message, window_bits_)) {
    out.append(shared.payload());
    return;
  }
  const std::size_t before = out.size();
  wake();
  try {
    run(message, Z_NO_FLUSH, out);
    run({}, Z_SYNC_FLUSH, out);
  } catch (...) {
    sleep();  // half a message is in there
    throw;
  }
  if (out.ends_with(kTail)) out.resize(out.size() - kTail.size());
  if (no_context_takeover_) sleep();
  if (begins) shared.keep(message, window_bits_, std::string_view(out).substr(before));
}

Inflater::Inflater(const DeflateParameters& parameters) noexcept
    : window_bits_(parameters.client_max_window_bits), no_context_takeover_(parameters.client_no_context_takeover) {}

Inflater::~Inflater() { end(); }

void Inflater::wake() {
  if (awake_ != nullptr) return awake_->touch(place_);
  auto awake = Awake<Inflater>::of_this_thread();
  place_ = awake->add(*this);
  stream_ = {};
  if (inflateInit2(&stream_, -window_bits_) != Z_OK) {
    awake->remove(place_);
    throw std::bad_alloc();
  }
  awake_ = std::move(awake);
  if (kept_window_.empty()) return;
  inflateSetDictionary(&stream_, bytes_of(kept_window_), static_cast<uInt>(kept_window_.size()));
  std::string().swap(kept_window_);
}

void Inflater::end() noexcept {
  if (awake_ == nullptr) return;
  inflateEnd(&stream_);
  awake_->remove(place_);
  awake_.reset();
}

std::string Inflater::window() {
  std::string bytes;
  bytes.resize_and_overwrite(std::size_t{1} << window_bits_, [&](char* data, std::size_t) {
    uInt size = 0;
    inflateGetDictionary(&stream_, reinterpret_cast<std::uint8_t*>(data), &size);
    return std::size_t{size};
  });
  return bytes;
}

void Inflater::sleep() {
  // zlib.h, data_type: 128 between two blocks, and bits that are left of the last byte. A client whose messages do not
  // end there is not allowed to (RFC 7692, 7.2.1), but to be understood in one way only.
  constexpr int kBetweenBlocks = 128;
  constexpr int kWhere = 0xff & ~64;
  if (awake_ == nullptr || (stream_.data_type & kWhere) != kBetweenBlocks) return;
  if (!no_context_takeover_) {
    kept_window_ = window();
    kept_window_.shrink_to_fit();
  }
  end();
}

// RFC 7692, 7.2.3.4: a final block ends zlib's stream, not the message, and the window stays.
void Inflater::begin_anew() {
  const std::string bytes = window();
  inflateReset(&stream_);
  if (!bytes.empty()) inflateSetDictionary(&stream_, bytes_of(bytes), static_cast<uInt>(bytes.size()));
}

Inflater::Outcome Inflater::inflate(std::string_view piece, std::uint64_t most, std::string& out) {
  wake();
  while (!piece.empty()) {
    const std::string_view part = countable(piece);
    stream_.next_in = bytes_of(part);
    stream_.avail_in = static_cast<uInt>(part.size());
    int status = Z_OK;
    bool full = false;
    do {
      const std::size_t before = out.size();
      if (before > most) return Outcome::kTooBig;
      // One byte more than may be there, so that it shows.
      const std::uint64_t left = most - before;
      const std::size_t wish = std::clamp(4 * static_cast<std::size_t>(stream_.avail_in), kLeastRoom, kMostRoom);
      const std::size_t room = left < wish ? static_cast<std::size_t>(left) + 1 : wish;
      out.resize_and_overwrite(before + room, [&](char* data, std::size_t) {
        stream_.next_out = reinterpret_cast<std::uint8_t*>(data + before);
        stream_.avail_out = static_cast<uInt>(room);
        status = ::inflate(&stream_, Z_SYNC_FLUSH);
        return before + room - stream_.avail_out;
      });
      full = stream_.avail_out == 0;
      if (status == Z_STREAM_END) begin_anew();
    } while (status == Z_STREAM_END ? stream_.avail_in > 0 : status == Z_OK && (full || stream_.avail_in > 0));
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      if (status == Z_MEM_ERROR) throw std::bad_alloc();
      return Outcome::kInvalid;
    }
    piece.remove_prefix(part.size());
  }
  return out.size() > most ? Outcome::kTooBig : Outcome::kGood;
}

Inflater::Outcome Inflater::finish(std::uint64_t most, std::string& out) {
  const Outcome outcome = inflate(kTail, most, out);
  if (no_context_takeover_) end();
  return outcome;
}

}  // namespace data_bridge::websocket
