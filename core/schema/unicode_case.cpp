// Full Unicode case conversion: tables for single characters, and the one rule with context, the final sigma.
#include "schema/unicode_case.hpp"

#include <algorithm>
#include <cstdint>
#include <span>

#include "json/utf8.hpp"

namespace data_bridge::schema {

namespace {

struct Mapping {
  std::uint32_t from;
  std::uint32_t to[3];
};

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

#include "unicode_case_tables.inc"

constexpr std::uint32_t kCapitalSigma = 0x3A3;
constexpr std::uint32_t kFinalSigma = 0x3C2;

bool contains(std::span<const Range> ranges, std::uint32_t code_point) noexcept {
  const auto found = std::ranges::lower_bound(ranges, code_point, {}, &Range::last);
  return found != ranges.end() && found->first <= code_point;
}

std::size_t length_of(char lead) noexcept {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

std::uint32_t decode(std::string_view text, std::size_t position) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(position);
  switch (length_of(text[position])) {
    case 1:
      return lead;
    case 2:
      return (lead & 0x1F) << 6 | (byte(position + 1) & 0x3F);
    case 3:
      return (lead & 0x0F) << 12 | (byte(position + 1) & 0x3F) << 6 | (byte(position + 2) & 0x3F);
    default:
      return (lead & 0x07) << 18 | (byte(position + 1) & 0x3F) << 12 | (byte(position + 2) & 0x3F) << 6 |
             (byte(position + 3) & 0x3F);
  }
}

// Unicode 3.13, Final_Sigma: a cased letter before it and none behind, case-ignorable characters not counted.
bool is_final_sigma(std::string_view text, std::size_t position) noexcept {
  std::size_t before = position;
  bool cased_before = false;
  while (before != 0) {
    do {
      --before;
    } while ((static_cast<unsigned char>(text[before]) & 0xC0) == 0x80);
    const std::uint32_t code_point = decode(text, before);
    if (!contains(kCaseIgnorable, code_point)) {
      cased_before = contains(kCased, code_point);
      break;
    }
  }
  if (!cased_before) {
    return false;
  }
  for (std::size_t next = position + 2; next < text.size(); next += length_of(text[next])) {
    const std::uint32_t code_point = decode(text, next);
    if (!contains(kCaseIgnorable, code_point)) {
      return !contains(kCased, code_point);
    }
  }
  return true;
}

std::string convert(std::string_view text, std::span<const Mapping> table, char first_ascii, bool lower) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); i += length_of(text[i])) {
    const std::size_t length = length_of(text[i]);
    if (length == 1) {
      const bool changes = text[i] >= first_ascii && text[i] < first_ascii + 26;
      out.push_back(changes ? static_cast<char>(text[i] ^ 0x20) : text[i]);
      continue;
    }
    const std::uint32_t code_point = decode(text, i);
    if (lower && code_point == kCapitalSigma && is_final_sigma(text, i)) {
      json::append_code_point(out, kFinalSigma);
      continue;
    }
    const auto found = std::ranges::lower_bound(table, code_point, {}, &Mapping::from);
    if (found == table.end() || found->from != code_point) {
      out.append(text.substr(i, length));
      continue;
    }
    for (const std::uint32_t mapped : found->to) {
      if (mapped != 0) {
        json::append_code_point(out, mapped);
      }
    }
  }
  return out;
}

}  // namespace

std::string to_lower(std::string_view text) { return convert(text, kLower, 'A', true); }
std::string to_upper(std::string_view text) { return convert(text, kUpper, 'a', false); }

}  // namespace data_bridge::schema
