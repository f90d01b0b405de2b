// Decodes a chunked request body, strictly (RFC 9112, 7.1).
#include "http/h1/chunked.hpp"

#include <algorithm>
#include <limits>

#include "http/characters.hpp"
#include "http/fields.hpp"

namespace data_bridge::http::h1 {
namespace {

// Request modifiers, authentication, and who the client is: in a trailer they could only change what was decided
// already.
constexpr std::array<std::string_view, 8> kOfRequests = {
    "cookie", "forwarded",        "proxy-connection", "proxy-authorization",
    "range",  "www-authenticate", "x-forwarded-for",  "x-forwarded-proto"};

/// `name` in lower case.
bool is_forbidden_trailer(std::string_view name) noexcept {
  return belongs_in_head(name) || std::ranges::find(kOfRequests, name) != kOfRequests.end();
}

bool is_quotable(char c) noexcept {
  const auto u = static_cast<unsigned char>(c);
  return c == '\t' || (u >= 0x20 && u != 0x7f);
}

}  // namespace

bool ChunkedDecoder::fail(ParseError error) noexcept {
  error_ = error;
  return false;
}

ChunkedDecoder::Outcome ChunkedDecoder::decode(std::string_view& input, std::string_view& piece) noexcept {
  if (error_ != ParseError::kNone) return Outcome::kRejected;
  while (!input.empty() && state_ != State::kDone) {
    if (state_ == State::kData) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(size_, input.size()));
      piece = input.substr(0, size);
      input.remove_prefix(size);
      payload_ += size;
      size_ -= size;
      if (size_ == 0) state_ = State::kDataCr;
      return Outcome::kData;
    }
    ++overhead_;
    if (!step(input.front())) return Outcome::kRejected;
    input.remove_prefix(1);
  }
  return state_ == State::kDone ? Outcome::kDone : Outcome::kNeedMore;
}

bool ChunkedDecoder::step(char c) noexcept {
  switch (state_) {
    case State::kSize:
      return size_step(c);
    case State::kExtensionName:
    case State::kExtensionValue:
    case State::kExtensionToken:
    case State::kExtensionQuoted:
    case State::kExtensionEscape:
    case State::kExtensionEnd:
      return extension_step(c);
    case State::kSizeLf:
      return c == '\n' ? size_complete() : fail(ParseError::kChunk);
    case State::kDataCr:
      state_ = State::kDataLf;
      return c == '\r' || fail(ParseError::kChunk);
    case State::kDataLf:
      if (c != '\n') return fail(ParseError::kChunk);
      state_ = State::kSize;
      size_ = 0;
      digits_ = 0;
      extension_ = 0;
      return true;
    case State::kTrailerStart:
    case State::kTrailerName:
    case State::kTrailerValue:
    case State::kTrailerLf:
      return trailer_step(c);
    case State::kEndLf:
      state_ = State::kDone;
      return c == '\n' || fail(ParseError::kChunk);
    case State::kData:
    case State::kDone:
      break;
  }
  return fail(ParseError::kChunk);
}

bool ChunkedDecoder::size_step(char c) noexcept {
  if (const int digit = text::hex_value(c); digit >= 0) {
    if (digits_ == kMaxDigits) return fail(ParseError::kChunk);
    ++digits_;
    size_ = size_ * 16 + static_cast<unsigned>(digit);
    return size_ <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) || fail(ParseError::kChunk);
  }
  return digits_ > 0 && extension_ends(c) ? true : fail(ParseError::kChunk);
}

// After the size, an extension's name, or its value: another extension, or the line's end.
bool ChunkedDecoder::extension_ends(char c) noexcept {
  if (c == '\r') {
    state_ = State::kSizeLf;
    return true;
  }
  if (c != ';') return false;
  state_ = State::kExtensionName;
  name_size_ = 0;
  return true;
}

bool ChunkedDecoder::extension_step(char c) noexcept {
  if (++extension_ > kMaxExtension || ++extensions_ > kMaxExtensions) return fail(ParseError::kChunk);
  switch (state_) {
    case State::kExtensionName:
      if (is(kTokenCharacters, c)) {
        ++name_size_;
        return true;
      }
      if (name_size_ == 0) return fail(ParseError::kChunk);
      if (c != '=') return extension_ends(c) || fail(ParseError::kChunk);
      state_ = State::kExtensionValue;
      return true;
    case State::kExtensionValue:
      state_ = c == '"' ? State::kExtensionQuoted : State::kExtensionToken;
      return c == '"' || is(kTokenCharacters, c) || fail(ParseError::kChunk);
    case State::kExtensionToken:
      return is(kTokenCharacters, c) || extension_ends(c) || fail(ParseError::kChunk);
    case State::kExtensionQuoted:
      if (c == '"') state_ = State::kExtensionEnd;
      if (c == '\\') state_ = State::kExtensionEscape;
      return is_quotable(c) || fail(ParseError::kChunk);
    case State::kExtensionEscape:
      state_ = State::kExtensionQuoted;
      return is_quotable(c) || fail(ParseError::kChunk);
    default:
      return extension_ends(c) || fail(ParseError::kChunk);
  }
}

bool ChunkedDecoder::size_complete() noexcept {
  if (overhead_ >= kMaxOverhead && payload_ < (payload_ + overhead_) / 4) return fail(ParseError::kChunk);
  state_ = size_ > 0 ? State::kData : State::kTrailerStart;
  return true;
}

bool ChunkedDecoder::trailer_step(char c) noexcept {
  if (++trailer_size_ > max_trailer_size_) return fail(ParseError::kHeadTooLarge);
  switch (state_) {
    case State::kTrailerStart:
      if (c == '\r') {
        state_ = State::kEndLf;
        return true;
      }
      if (++trailer_fields_ > max_fields_) return fail(ParseError::kHeadTooLarge);
      state_ = State::kTrailerName;
      name_size_ = 0;
      [[fallthrough]];
    case State::kTrailerName:
      if (is(kTokenCharacters, c)) {
        if (name_size_ < name_.size()) name_[name_size_] = c == '_' ? '-' : text::to_lower(c);
        ++name_size_;
        return true;
      }
      if (c != ':' || name_size_ == 0) return fail(ParseError::kFieldLine);
      if (name_size_ <= name_.size() && is_forbidden_trailer({name_.data(), name_size_})) {
        return fail(ParseError::kTrailer);
      }
      state_ = State::kTrailerValue;
      return true;
    case State::kTrailerValue:
      if (c == '\r') {
        state_ = State::kTrailerLf;
        return true;
      }
      return is_quotable(c) || fail(ParseError::kFieldLine);
    default:
      state_ = State::kTrailerStart;
      return c == '\n' || fail(ParseError::kFieldLine);
  }
}

}  // namespace data_bridge::http::h1
