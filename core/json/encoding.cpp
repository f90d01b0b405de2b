// UTF-16 and UTF-32 request bodies: rare, legal for json.loads, and so for us.
#include "json/encoding.hpp"

#include "text/utf8.hpp"

namespace data_bridge::json {

namespace {

std::uint32_t byte_at(std::string_view bytes, std::size_t index) noexcept {
  return static_cast<unsigned char>(bytes[index]);
}

std::uint32_t unit16(std::string_view bytes, std::size_t index, bool big) noexcept {
  const std::uint32_t first = byte_at(bytes, index);
  const std::uint32_t second = byte_at(bytes, index + 1);
  return big ? first << 8 | second : second << 8 | first;
}

std::uint32_t unit32(std::string_view bytes, std::size_t index, bool big) noexcept {
  const std::uint32_t first = unit16(bytes, index, big);
  const std::uint32_t second = unit16(bytes, index + 2, big);
  return big ? first << 16 | second : second << 16 | first;
}

bool decode_utf16(std::string_view bytes, bool big, std::string& out) {
  if (bytes.size() % 2 != 0) {
    return false;
  }
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    std::uint32_t unit = unit16(bytes, i, big);
    if (unit >= 0xD800 && unit <= 0xDBFF) {
      const std::uint32_t low = i + 2 < bytes.size() ? unit16(bytes, i + 2, big) : 0;
      if (low >= 0xDC00 && low <= 0xDFFF) {
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        i += 2;
      }
    }
    text::append_code_point(out, unit);
  }
  return true;
}

bool decode_utf32(std::string_view bytes, bool big, std::string& out) {
  if (bytes.size() % 4 != 0) {
    return false;
  }
  for (std::size_t i = 0; i < bytes.size(); i += 4) {
    const std::uint32_t code_point = unit32(bytes, i, big);
    if (code_point > 0x10FFFF) {
      return false;
    }
    text::append_code_point(out, code_point);
  }
  return true;
}

}  // namespace

Encoding detect_encoding(std::string_view bytes) noexcept {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\0\0\xFE\xFF"sv) || bytes.starts_with("\xFF\xFE\0\0"sv)) {
    return Encoding::kUtf32;
  }
  if (bytes.starts_with("\xFE\xFF"sv) || bytes.starts_with("\xFF\xFE"sv)) {
    return Encoding::kUtf16;
  }
  if (bytes.starts_with("\xEF\xBB\xBF"sv)) {
    return Encoding::kUtf8Bom;
  }
  if (bytes.size() >= 4) {
    if (bytes[0] == 0) {
      return bytes[1] != 0 ? Encoding::kUtf16Be : Encoding::kUtf32Be;
    }
    if (bytes[1] == 0) {
      return bytes[2] != 0 || bytes[3] != 0 ? Encoding::kUtf16Le : Encoding::kUtf32Le;
    }
  } else if (bytes.size() == 2) {
    if (bytes[0] == 0) {
      return Encoding::kUtf16Be;
    }
    if (bytes[1] == 0) {
      return Encoding::kUtf16Le;
    }
  }
  return Encoding::kUtf8;
}

bool decode(std::string_view bytes, Encoding encoding, std::string& out) {
  switch (encoding) {
    case Encoding::kUtf8Bom:
      out.append(bytes.substr(3));
      return true;
    case Encoding::kUtf16: {
      const bool big = bytes[0] == '\xFE';
      return decode_utf16(bytes.substr(2), big, out);
    }
    case Encoding::kUtf16Le:
      return decode_utf16(bytes, false, out);
    case Encoding::kUtf16Be:
      return decode_utf16(bytes, true, out);
    case Encoding::kUtf32: {
      const bool big = bytes[0] == '\0';
      return decode_utf32(bytes.substr(4), big, out);
    }
    case Encoding::kUtf32Le:
      return decode_utf32(bytes, false, out);
    case Encoding::kUtf32Be:
      return decode_utf32(bytes, true, out);
    case Encoding::kUtf8:
      break;
  }
  out.append(bytes);
  return true;
}

}  // namespace data_bridge::json
