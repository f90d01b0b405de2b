// Full Unicode case conversion: tables for single characters, and the one rule with context, the final sigma.
#include "text/unicode_case.hpp"

#include <algorithm>
#include <cstdint>
#include <span>

#include "text/utf8.hpp"

namespace data_bridge::text {

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

// Unicode 3.13, Final_Sigma: a cased letter before it and none behind, case-ignorable characters not counted.
bool is_final_sigma(std::string_view text, std::size_t position) noexcept {
  std::size_t before = position;
  bool cased_before = false;
  while (before != 0) {
    do {
      --before;
    } while (is_continuation(text[before]));
    const std::uint32_t code_point = first_code_point(text.substr(before));
    if (!contains(kCaseIgnorable, code_point)) {
      cased_before = contains(kCased, code_point);
      break;
    }
  }
  if (!cased_before) {
    return false;
  }
  for (std::size_t next = position + 2; next < text.size(); next += sequence_length(text[next])) {
    const std::uint32_t code_point = first_code_point(text.substr(next));
    if (!contains(kCaseIgnorable, code_point)) {
      return !contains(kCased, code_point);
    }
  }
  return true;
}

std::string convert(std::string_view text, std::span<const Mapping> table, char first_ascii, bool lower) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); i += sequence_length(text[i])) {
    const std::size_t length = sequence_length(text[i]);
    if (length == 1) {
      const bool changes = text[i] >= first_ascii && text[i] < first_ascii + 26;
      out.push_back(changes ? static_cast<char>(text[i] ^ 0x20) : text[i]);
      continue;
    }
    const std::uint32_t code_point = first_code_point(text.substr(i));
    if (lower && code_point == kCapitalSigma && is_final_sigma(text, i)) {
      append_code_point(out, kFinalSigma);
      continue;
    }
    const auto found = std::ranges::lower_bound(table, code_point, {}, &Mapping::from);
    if (found == table.end() || found->from != code_point) {
      out.append(text.substr(i, length));
      continue;
    }
    for (const std::uint32_t mapped : found->to) {
      if (mapped != 0) {
        append_code_point(out, mapped);
      }
    }
  }
  return out;
}

}  // namespace

std::string to_lower(std::string_view text) { return convert(text, kLower, 'A', true); }
std::string to_upper(std::string_view text) { return convert(text, kUpper, 'a', false); }

}  // namespace data_bridge::text
