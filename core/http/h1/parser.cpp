// The head of an HTTP/1.x request, strictly (RFC 9112).
#include "http/h1/parser.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "http/characters.hpp"
#include "http/fields.hpp"

namespace data_bridge::http::h1 {
namespace {

using Outcome = HeadParser::Outcome;
using Place = HeadProgress::Place;

constexpr std::string_view kVersionPrefix = "HTTP/";

bool equals_with_underscores(std::string_view name, std::string_view lower) noexcept {
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i] == '_' ? '-' : text::to_lower(name[i]);
    if (c != lower[i]) return false;
  }
  return true;
}

/// What stands between the brackets of an IP literal (RFC 3986, 3.2.2): IPvFuture, or the characters of an IPv6
/// address. Whether they make one matters only to those who use it.
bool valid_literal(std::string_view literal) noexcept {
  if (!literal.starts_with('v') && !literal.starts_with('V')) {
    return literal.size() > 1 &&
           std::ranges::all_of(literal, [](char c) { return text::is_hex_digit(c) || c == ':' || c == '.'; });
  }
  const std::size_t dot = literal.find('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view version = literal.substr(1, dot - 1);
  const std::string_view address = literal.substr(dot + 1);
  return !version.empty() && std::ranges::all_of(version, text::is_hex_digit) && !address.empty() &&
         std::ranges::all_of(address, [](char c) { return c == ':' || (c != '%' && is(kRegNameCharacters, c)); });
}

}  // namespace

HeadParser::HeadParser(const Limits& limits) : limits_(limits) {
  // Offsets are 32 bits; nobody needs a head of 4 GiB.
  limits_.max_head_size = std::min<std::size_t>(limits_.max_head_size, std::numeric_limits<std::uint32_t>::max());
  limits_.max_fields = std::min<std::size_t>(limits_.max_fields, std::numeric_limits<std::uint16_t>::max());
  constexpr std::size_t kUsual = 100;
  fields_.reserve(std::min(limits_.max_fields, kUsual));
}

Outcome HeadParser::reject(ParseError error) noexcept {
  error_ = error;
  return Outcome::kRejected;
}

Outcome HeadParser::parse(std::string_view bytes, HeadProgress& progress) {
  // Never look beyond the limit, lest the answer depend on how much came in one read.
  const std::string_view head = bytes.substr(0, limits_.max_head_size);
  const bool resumed = progress.place != Place::kRequestLine;
  Outcome outcome = scan(head, progress);
  if (outcome == Outcome::kComplete && resumed) {
    // The fields of the earlier passes were not kept (their bytes may have moved): one more pass over a head
    // that is known to be whole.
    progress = {};
    outcome = scan(head, progress);
  }
  if (outcome == Outcome::kIncomplete && head.size() == limits_.max_head_size) return reject(ParseError::kHeadTooLarge);
  return outcome == Outcome::kComplete ? check_meaning() : outcome;
}

Outcome HeadParser::scan(std::string_view bytes, HeadProgress& progress) {
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  const char* cursor = begin + progress.line;
  if (progress.place == Place::kRequestLine) {
    fields_.clear();
    seen_ = {};
    if (cursor != end && *cursor == '\r') {
      // RFC 9112, 2.2: one empty line before the request line is forgiven.
      if (end - cursor < 2)
        return progress.skipped_empty_line ? reject(ParseError::kRequestLine) : Outcome::kIncomplete;
      if (cursor[1] != '\n' || progress.skipped_empty_line) return reject(ParseError::kRequestLine);
      progress.skipped_empty_line = true;
      cursor += 2;
      progress.line += 2;
      if (cursor != end && *cursor == '\r') return reject(ParseError::kRequestLine);
    }
    const Outcome outcome = scan_request_line(begin, cursor, end, progress);
    if (outcome != Outcome::kComplete) return outcome;
    progress.line = static_cast<std::uint32_t>(cursor - begin);
    progress.place = Place::kLineStart;
  }
  for (;;) {
    if (progress.place == Place::kLineStart) {
      if (cursor == end) return Outcome::kIncomplete;
      if (*cursor == '\r') {
        if (end - cursor < 2) return Outcome::kIncomplete;
        if (cursor[1] != '\n') return reject(ParseError::kFieldLine);
        size_ = static_cast<std::size_t>(cursor + 2 - begin);
        return Outcome::kComplete;
      }
      if (progress.fields == limits_.max_fields) return reject(ParseError::kHeadTooLarge);
    }
    const Outcome outcome = scan_field(begin, cursor, end, progress);
    if (outcome != Outcome::kComplete) return outcome;
  }
}

// Left to right, each byte judged by what came before it: an incomplete line is refused with the same byte as a
// complete one.
Outcome HeadParser::scan_request_line(const char* begin, const char*& cursor, const char* end, HeadProgress& progress) {
  const char* p = cursor;
  const auto reached = [&p](const char* start) { return static_cast<std::size_t>(p - start); };

  const char* const method = p;
  while (p != end && is(kTokenCharacters, *p) && reached(method) < limits_.max_method_size) ++p;
  if (p == end) return Outcome::kIncomplete;
  if (*p != ' ' || p == method) return reject(ParseError::kRequestLine);
  request_.method = {method, reached(method)};

  const char* const target = ++p;
  p = std::max(p, begin + progress.scanned);
  while (p != end && is(kTargetCharacters, *p) && reached(target) < limits_.max_target_size) ++p;
  if (p == end) {
    progress.scanned = static_cast<std::uint32_t>(p - begin);
    return Outcome::kIncomplete;
  }
  if (is(kTargetCharacters, *p)) return reject(ParseError::kTargetTooLong);
  if (*p != ' ' || p == target) return reject(ParseError::kRequestLine);
  request_.target = {target, reached(target)};

  ++p;
  for (const char expected : kVersionPrefix) {
    if (p == end) return Outcome::kIncomplete;
    if (*p++ != expected) return reject(ParseError::kRequestLine);
  }
  if (p == end) return Outcome::kIncomplete;
  version_major_ = *p++;
  if (!text::is_digit(version_major_)) return reject(ParseError::kRequestLine);
  if (p == end) return Outcome::kIncomplete;
  if (*p++ != '.') return reject(ParseError::kRequestLine);
  if (p == end) return Outcome::kIncomplete;
  version_minor_ = *p++;
  if (!text::is_digit(version_minor_)) return reject(ParseError::kRequestLine);
  for (const char expected : std::string_view("\r\n")) {
    if (p == end) return Outcome::kIncomplete;
    if (*p++ != expected) return reject(ParseError::kRequestLine);
  }
  cursor = p;
  return check_target();
}

Outcome HeadParser::scan_field(const char* begin, const char*& cursor, const char* end, HeadProgress& progress) {
  const char* const line = begin + progress.line;
  const char* p = progress.place == Place::kLineStart ? line : begin + progress.scanned;
  const auto pause = [&](Place place) {
    progress.place = place;
    progress.scanned = static_cast<std::uint32_t>(p - begin);
    return Outcome::kIncomplete;
  };

  // Resumed in its value, the line's name is not recorded: the pass that counts begins at the request line.
  std::string_view name;
  if (progress.place != Place::kValue) {
    while (p != end && is(kTokenCharacters, *p)) ++p;
    if (p == end) return pause(Place::kName);
    if (*p != ':' || p == line) return reject(ParseError::kFieldLine);
    name = {line, static_cast<std::size_t>(p - line)};
    ++p;
  }
  const char* const value = p;
  p = find_control(p, end);
  if (end - p < 2) {
    if (p != end && *p != '\r') return reject(ParseError::kFieldLine);
    return pause(Place::kValue);
  }
  if (p[0] != '\r' || p[1] != '\n') return reject(ParseError::kFieldLine);
  ++progress.fields;
  if (!name.empty()) {
    const std::string_view trimmed = text::trim({value, static_cast<std::size_t>(p - value)});
    if (fields_.size() < limits_.max_fields) fields_.push_back({name, trimmed});
    note(name, trimmed);
  }
  cursor = p + 2;
  progress.line = static_cast<std::uint32_t>(cursor - begin);
  progress.place = Place::kLineStart;
  return Outcome::kComplete;
}

// A switch on the length costs one jump for the many fields that mean nothing to framing.
void HeadParser::note(std::string_view name, std::string_view value) noexcept {
  switch (name.size()) {
    case 4:
      if (text::equals_lower(name, "host")) {
        ++seen_.hosts;
        seen_.host = value;
      }
      break;
    case 6:
      if (text::equals_lower(name, "expect")) {
        if (text::equals_lower(value, "100-continue")) seen_.expects_continue = true;
      }
      break;
    case 7:
      if (text::equals_lower(name, "upgrade")) seen_.upgrade = true;
      break;
    case 10:
      if (text::equals_lower(name, "connection")) {
        for (std::string_view list = value; !list.empty();) {
          const std::string_view option = next_element(list);
          if (text::equals_lower(option, "close")) seen_.close = true;
          if (text::equals_lower(option, "keep-alive")) seen_.keep_alive = true;
          if (text::equals_lower(option, "upgrade")) seen_.upgrade_option = true;
        }
      }
      break;
    case 14:
      if (text::equals_lower(name, "content-length")) {
        ++seen_.content_lengths;
        seen_.content_length = value;
      } else if (equals_with_underscores(name, "content-length")) {
        seen_.disguised = true;
      }
      break;
    case 17:
      if (text::equals_lower(name, "transfer-encoding")) {
        ++seen_.transfer_encodings;
        seen_.transfer_encoding = value;
      } else if (equals_with_underscores(name, "transfer-encoding")) {
        seen_.disguised = true;
      }
      break;
    default:
      break;
  }
}

// RFC 9112, 3.2: the four forms, each only with the methods it is for.
Outcome HeadParser::check_target() noexcept {
  const std::string_view target = request_.target;
  authority_ = {};
  const bool connect = request_.method == "CONNECT";
  std::string_view path = target;
  if (target == "*") {
    if (request_.method != "OPTIONS") return reject(ParseError::kTarget);
  } else if (connect) {
    if (!valid_authority(target) || target.find(':') == std::string_view::npos) return reject(ParseError::kTarget);
  } else if (target.front() != '/') {
    const std::size_t scheme = target.find("://");
    if (scheme == std::string_view::npos) return reject(ParseError::kTarget);
    const std::string_view name = target.substr(0, scheme);
    if (!text::equals_lower(name, "http") && !text::equals_lower(name, "https")) return reject(ParseError::kTarget);
    const std::string_view rest = target.substr(scheme + 3);
    authority_ = rest.substr(0, rest.find_first_of("/?"));
    if (!valid_authority(authority_)) return reject(ParseError::kTarget);
    path = rest.substr(authority_.size());
  }
  if (connect) return reject(ParseError::kConnect);
  if (version_major_ != '1') return reject(ParseError::kVersion);
  request_.version = version_minor_ == '0' ? Version::kHttp10 : Version::kHttp11;
  const std::size_t question = path.find('?');
  request_.path = path.substr(0, question);
  request_.query = question == std::string_view::npos ? std::string_view{} : path.substr(question + 1);
  if (request_.path.empty()) request_.path = "/";  // RFC 9112, 3.2.1
  return Outcome::kComplete;
}

Outcome HeadParser::check_host() noexcept {
  if (seen_.hosts > 1) return reject(ParseError::kHost);
  if (seen_.hosts == 0) {
    if (request_.version == Version::kHttp11) return reject(ParseError::kHost);
    request_.host = authority_;
    return Outcome::kComplete;
  }
  if (!valid_authority(seen_.host)) return reject(ParseError::kHost);
  if (!authority_.empty() && !text::equals_ignoring_case(authority_, seen_.host)) return reject(ParseError::kHost);
  request_.host = seen_.host;
  return Outcome::kComplete;
}

Outcome HeadParser::check_meaning() noexcept {
  const bool http11 = request_.version == Version::kHttp11;
  if (const Outcome outcome = check_host(); outcome != Outcome::kComplete) return outcome;
  if (seen_.disguised) return reject(ParseError::kAmbiguousField);

  request_.content_length.reset();
  if (seen_.content_lengths > 0) {
    const std::string_view text = seen_.content_length;
    std::uint64_t length = 0;
    const auto [last, status] = std::from_chars(text.data(), text.data() + text.size(), length);
    const bool plain = status == std::errc{} && last == text.data() + text.size() && text::is_digit(text.front()) &&
                       (text.size() == 1 || text.front() != '0') &&
                       length <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (seen_.content_lengths > 1 || !plain) return reject(ParseError::kContentLength);
    request_.content_length = length;
  }

  request_.chunked = false;
  if (seen_.transfer_encodings > 0) {
    // RFC 9112, 6.1 lets a server read TE over CL, or TE in 1.0; both are how requests are smuggled.
    if (seen_.transfer_encodings > 1 || seen_.content_lengths > 0 || !http11) {
      return reject(ParseError::kTransferEncoding);
    }
    const std::string_view coding = seen_.transfer_encoding;
    if (!text::equals_lower(coding, "chunked")) {
      const bool token = !coding.empty() && std::ranges::all_of(coding, [](char c) { return is(kTokenCharacters, c); });
      return reject(token ? ParseError::kUnknownCoding : ParseError::kTransferEncoding);
    }
    request_.chunked = true;
  }

  // RFC 9110, 10.1.1: a 1.0 client cannot mean it, and an expectation that is not known may be ignored.
  request_.expects_continue = http11 && seen_.expects_continue;
  request_.asks_upgrade = http11 && seen_.upgrade && seen_.upgrade_option;  // RFC 9110, 7.8
  request_.keep_alive = !seen_.close && (http11 || seen_.keep_alive);
  request_.headers = fields_;
  return Outcome::kComplete;
}

bool valid_authority(std::string_view text) noexcept {
  std::size_t host_end = 0;
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos || !valid_literal(text.substr(1, bracket - 1))) return false;
    host_end = bracket + 1;
  } else {
    while (host_end < text.size() && is(kRegNameCharacters, text[host_end])) ++host_end;
    if (host_end == 0) return false;
  }
  if (host_end == text.size()) return true;
  if (text[host_end] != ':') return false;
  return std::ranges::all_of(text.substr(host_end + 1), text::is_digit);
}

}  // namespace data_bridge::http::h1
