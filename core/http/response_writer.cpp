// Heads of answers, and the pieces of chunked bodies.
#include "http/response_writer.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "http/characters.hpp"
#include "http/exchange.hpp"
#include "http/status.hpp"

namespace data_bridge::http {
namespace {

constexpr std::string_view kServerField = "server: ";
constexpr std::string_view kLengthField = "content-length: ";
constexpr std::string_view kClose = "connection: close\r\n";
constexpr std::string_view kKeepAlive = "connection: keep-alive\r\n";
constexpr std::string_view kChunkedField = "transfer-encoding: chunked\r\n";
constexpr std::size_t kLongestNumber = 20;

// What uvicorn lets through as a name in an answer: tokens, '/', '?', ''' and what is beyond ASCII. Nothing of it can
// end the name or the line.
constexpr CharacterClass kNameCharacters = [] {
  CharacterClass table{};
  for (std::size_t c = 0x21; c <= 0xff; ++c) table[c] = c != 0x7f;
  for (const char c : std::string_view("()<>@,;:[]={}\\\"")) table[static_cast<std::size_t>(c)] = false;
  return table;
}();

/// A field this writer decides about itself.
enum class Own : std::uint8_t { kNo, kDate, kServer, kConnection, kContentLength, kTransferEncoding };

Own classify(std::string_view name) noexcept {
  switch (name.size()) {
    case 4:
      return equals_lower(name, "date") ? Own::kDate : Own::kNo;
    case 6:
      return equals_lower(name, "server") ? Own::kServer : Own::kNo;
    case 10:
      return equals_lower(name, "connection") ? Own::kConnection : Own::kNo;
    case 14:
      return equals_lower(name, "content-length") ? Own::kContentLength : Own::kNo;
    case 17:
      return equals_lower(name, "transfer-encoding") ? Own::kTransferEncoding : Own::kNo;
    default:
      return Own::kNo;
  }
}

bool has_option(std::string_view list, std::string_view option) noexcept {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (equals_lower(trim(list.substr(0, comma)), option)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

char* put(char* out, std::string_view text) noexcept {
  return out + text.copy(out, text.size());  // unlike memcpy, copy() may be given the null of an empty view
}

}  // namespace

bool valid_header(std::string_view name, std::string_view value) noexcept {
  if (name.empty() || !std::ranges::all_of(name, [](char c) { return is(kNameCharacters, c); })) return false;
  return !has_control(value);
}

ResponseFields::ResponseFields(std::span<const Header> headers) noexcept {
  for (const Header& field : headers) {
    if (!valid_header(field.name, field.value)) valid = false;
    switch (classify(field.name)) {
      case Own::kDate:
        date = true;
        break;
      case Own::kServer:
        server = true;
        break;
      case Own::kConnection:
        close = close || has_option(field.value, "close");
        keep_alive = keep_alive || has_option(field.value, "keep-alive");
        break;
      case Own::kContentLength: {
        std::uint64_t length = 0;
        const std::string_view text = field.value;
        const auto [last, status] = std::from_chars(text.data(), text.data() + text.size(), length);
        const bool number = status == std::errc{} && last == text.data() + text.size();
        if (!number || content_length.value_or(length) != length) valid = false;
        content_length = length;
        break;
      }
      default:
        break;
    }
  }
}

ResponseWriter::ResponseWriter(const Options& options) : date_header_(options.date_header) {
  if (options.server_header && valid_header("server", options.server_name)) {
    server_line_ = std::string(kServerField) + options.server_name + "\r\n";
  }
  for (std::size_t i = 0; i < status_lines_.size(); ++i) {
    const int status = static_cast<int>(i) + 100;
    status_lines_[i] = "HTTP/1.1 " + std::to_string(status) + " ";
    status_lines_[i].append(reason_phrase(status, options.legacy_reason_phrases)).append("\r\n");
  }
}

std::string_view ResponseWriter::status_line(int status) noexcept {
  return status_lines_[static_cast<std::size_t>(std::clamp(status, 100, 599) - 100)];
}

void ResponseWriter::write_head(runtime::Buffer& out, const ResponseHead& head, std::span<const Header> headers,
                                const ResponseFields& fields) {
  const std::string_view status = status_line(head.status);
  const std::string_view date = date_header_ && !fields.date ? date_.get() : std::string_view{};
  const std::string_view server = fields.server ? std::string_view{} : std::string_view(server_line_);
  const bool drops_length = head.framing != BodyFraming::kLength || !head.length_is_given;

  std::size_t size = status.size() + date.size() + server.size() + kLengthField.size() + kLongestNumber + 2 +
                     kKeepAlive.size() + kChunkedField.size() + 2;
  for (const Header& field : headers) size += field.name.size() + field.value.size() + 4;
  char* const begin = out.reserve(size);
  char* p = put(put(put(begin, status), date), server);

  if (head.framing == BodyFraming::kLength && !head.length_is_given) {
    p = put(p, kLengthField);
    p = std::to_chars(p, p + kLongestNumber, head.length).ptr;
    p = put(p, "\r\n");
  }
  bool length_written = false;
  for (const Header& field : headers) {
    const Own own = classify(field.name);
    if (own == Own::kTransferEncoding) continue;
    if (own == Own::kContentLength && (drops_length || std::exchange(length_written, true))) continue;
    p = put(put(put(put(p, field.name), ": "), field.value), "\r\n");
  }
  if (head.close) {
    if (!fields.close) p = put(p, kClose);
  } else if (head.keep_alive_http10 && !fields.keep_alive) {
    p = put(p, kKeepAlive);
  }
  if (head.framing == BodyFraming::kChunked) p = put(p, kChunkedField);
  p = put(p, "\r\n");
  out.commit(static_cast<std::size_t>(p - begin));
}

void write_chunk_size(runtime::Buffer& out, std::size_t size) {
  constexpr std::size_t kLongest = 16 + 2;
  char* const begin = out.reserve(kLongest);
  char* p = std::to_chars(begin, begin + 16, size, 16).ptr;
  p = put(p, "\r\n");
  out.commit(static_cast<std::size_t>(p - begin));
}

}  // namespace data_bridge::http
