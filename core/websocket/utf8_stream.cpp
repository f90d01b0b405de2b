// UTF-8 that comes in pieces, cut anywhere (RFC 6455, 8.1; RFC 3629).
#include "websocket/utf8_stream.hpp"

#include <cstddef>
#include <cstring>

namespace data_bridge::websocket {
namespace {

// What the next byte has to be: a sequence's beginning, one of several continuations, or one of those whose second byte
// is bound by the first (RFC 3629, 4).
enum State : std::uint8_t {
  kStart,
  kOne,
  kTwo,
  kThree,
  kAfterE0,  // A0..BF: nothing overlong
  kAfterEd,  // 80..9F: no surrogate
  kAfterF0,  // 90..BF: nothing overlong
  kAfterF4,  // 80..8F: nothing above U+10FFFF
  kInvalid,
};

State begin(unsigned char byte) noexcept {
  if (byte < 0x80) return kStart;
  if (byte < 0xC2) return kInvalid;
  if (byte < 0xE0) return kOne;
  if (byte == 0xE0) return kAfterE0;
  if (byte == 0xED) return kAfterEd;
  if (byte < 0xF0) return kTwo;
  if (byte == 0xF0) return kAfterF0;
  if (byte < 0xF4) return kThree;
  return byte == 0xF4 ? kAfterF4 : kInvalid;
}

State proceed(State state, unsigned char byte) noexcept {
  const auto within = [byte](unsigned least, unsigned most, State next) {
    return byte >= least && byte <= most ? next : kInvalid;
  };
  switch (state) {
    case kStart:
      return begin(byte);
    case kOne:
      return within(0x80, 0xBF, kStart);
    case kTwo:
      return within(0x80, 0xBF, kOne);
    case kThree:
      return within(0x80, 0xBF, kTwo);
    case kAfterE0:
      return within(0xA0, 0xBF, kOne);
    case kAfterEd:
      return within(0x80, 0x9F, kOne);
    case kAfterF0:
      return within(0x90, 0xBF, kTwo);
    case kAfterF4:
      return within(0x80, 0x8F, kTwo);
    case kInvalid:
      break;
  }
  return kInvalid;
}

// How many bytes at the front of `text` are ASCII, by the word; some may be left out.
std::size_t skip_ascii(std::string_view text) noexcept {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  std::size_t size = 0;
  for (; size + sizeof(std::uint64_t) <= text.size(); size += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + size, sizeof word);
    if ((word & kHighBits) != 0) break;
  }
  return size;
}

}  // namespace

bool Utf8Stream::take(std::string_view piece) noexcept {
  auto state = static_cast<State>(state_);
  std::size_t i = 0;
  while (i < piece.size() && state != kInvalid) {
    if (state == kStart) i += skip_ascii(piece.substr(i));
    // A run beyond ASCII is mostly longer than a character.
    for (std::size_t end = i + 16 < piece.size() ? i + 16 : piece.size(); i < end && state != kInvalid; ++i) {
      state = proceed(state, static_cast<unsigned char>(piece[i]));
    }
  }
  state_ = state;
  return state != kInvalid;
}

}  // namespace data_bridge::websocket
