// Reading UUIDs as Pydantic does: what the Rust crate uuid accepts, and how it explains what it does not.
#include "text/uuid.hpp"

#include <cstddef>

#include "text/characters.hpp"
#include "text/utf8.hpp"

namespace data_bridge::text {

namespace {

constexpr std::array<std::size_t, 6> kGroupStarts = {0, 9, 14, 19, 24, 37};

bool read(std::string_view text, bool hyphens, UuidText& out) noexcept {
  if (text.size() != (hyphens ? 36U : 32U)) {
    return false;
  }
  std::size_t position = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      out[i] = '-';
      if (hyphens && text[position++] != '-') {
        return false;
      }
      continue;
    }
    const int digit = hex_value(text[position++]);
    if (digit < 0) {
      return false;
    }
    out[i] = kHexDigits[static_cast<std::size_t>(digit)];
  }
  return true;
}

// The crate looks at `character as u8`: the low byte of the code point, so that U+0130 counts as "0".
char low_byte(std::string_view text) noexcept { return static_cast<char>(first_code_point(text) & 0xFF); }

std::string explain(std::string_view text, UuidWords words) {
  const bool is_current = words == UuidWords::kCurrent;
  // Of the right length for a form with a prefix, the crate parses and explains what is inside; longer
  // than any form, it does not look.
  if (text.size() == 38 && text.starts_with('{') && text.ends_with('}')) {
    text = text.substr(1, 36);
  } else if (text.size() == 45 && text.starts_with("urn:uuid:")) {
    text = text.substr(9);
  } else if (is_current && text.size() > 45) {
    return "invalid length: found " + std::to_string(text.size());
  }
  std::string_view inner = text;
  std::size_t offset = 0;
  if (text.size() >= 2 && text.starts_with('{') && text.ends_with('}')) {
    inner = text.substr(1, text.size() - 2);
    offset = 1;
  } else if (text.starts_with("urn:uuid:")) {
    offset = 9;
    inner = text.substr(offset);
  }
  std::size_t hyphens = 0;
  std::array<std::size_t, 4> bounds{};
  for (std::size_t i = 0; i < inner.size(); i += sequence_length(inner[i])) {
    // Before, a character beyond ASCII was none of a UUID's.
    const char low = is_current || sequence_length(inner[i]) == 1 ? low_byte(inner.substr(i)) : '\xFF';
    if (low == '-') {
      if (hyphens < bounds.size()) {
        bounds[hyphens] = i;
      }
      ++hyphens;
    } else if (hex_value(low) < 0) {
      const std::string_view character = inner.substr(i, sequence_length(inner[i]));
      return std::string("invalid character: ") +
             (words == UuidWords::kLong ? "expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], "
                                        : "") +
             "found `" + std::string(character) + "` at " + std::to_string(i + offset + (is_current ? 0 : 1));
    }
  }
  if (hyphens == 0 && offset == 0 && (!is_current || text.size() != 36)) {
    return std::string("invalid length: ") + (is_current ? "" : "expected length 32 for simple format, ") + "found " +
           std::to_string(text.size());
  }
  if (hyphens != 4) {
    return "invalid group count: expected 5, found " + std::to_string(hyphens + 1);
  }
  std::size_t group = 0;
  while (group < 4 && bounds[group] == kGroupStarts[group + 1] - 1) {
    ++group;
  }
  // The last group is measured on the whole text, prefix and brace included, as the crate does.
  const std::size_t end = group < 4 ? bounds[group] : text.size();
  return "invalid group length in group " + std::to_string(group) + ": expected " +
         std::to_string(kGroupStarts[group + 1] - kGroupStarts[group] - 1) + ", found " +
         std::to_string(end - kGroupStarts[group]);
}

}  // namespace

UuidText format_uuid(std::uint64_t high, std::uint64_t low) noexcept {
  UuidText text;
  char* to = text.data();
  for (unsigned digit = 0; digit < 32; ++digit) {
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) *to++ = '-';
    *to++ = kHexDigits[((digit < 16 ? high : low) >> (60 - 4 * (digit % 16))) & 0xFU];
  }
  return text;
}

std::expected<UuidText, std::string> parse_uuid(std::string_view text, UuidWords words) {
  UuidText out{};
  const bool braced = text.size() == 38 && text.front() == '{' && text.back() == '}';
  const bool urn = text.size() == 45 && text.starts_with("urn:uuid:");
  if (read(text, true, out) || read(text, false, out) || (braced && read(text.substr(1, 36), true, out)) ||
      (urn && read(text.substr(9), true, out))) {
    return out;
  }
  return std::unexpected(explain(text, words));
}

}  // namespace data_bridge::text
