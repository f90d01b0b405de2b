// Heads of answers, and the pieces of chunked bodies.
#include "http/h1/response_writer.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "http/fields.hpp"
#include "http/status.hpp"
#include "text/characters.hpp"

namespace data_bridge::http::h1 {
namespace {

constexpr std::string_view kServerField = "server: ";
constexpr std::string_view kLengthField = "content-length: ";
constexpr std::string_view kClose = "connection: close\r\n";
constexpr std::string_view kKeepAlive = "connection: keep-alive\r\n";
constexpr std::string_view kUpgrade = "connection: upgrade\r\n";
constexpr std::string_view kChunkedField = "transfer-encoding: chunked\r\n";
constexpr std::size_t kLongestNumber = 20;

char* put(char* out, std::string_view text) noexcept {
  return out + text.copy(out, text.size());  // unlike memcpy, copy() may be given the null of an empty view
}

char* put(char* out, const Header& field) noexcept {
  return put(put(put(put(out, field.name), ": "), field.value), "\r\n");
}

std::size_t size_of(std::span<const Header> headers) noexcept {
  std::size_t size = 0;
  for (const Header& field : headers) size += field.name.size() + field.value.size() + 4;
  return size;
}

}  // namespace

ResponseWriter::ResponseWriter(const Options& options) : date_header_(options.date_header) {
  if (options.server_header && valid_header("server", options.server_name)) {
    server_line_ = std::string(kServerField) + options.server_name + "\r\n";
  }
  for (const auto& [name, value] : options.headers) own_lines_.append(name).append(": ").append(value).append("\r\n");
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

  const std::size_t size = status.size() + date.size() + server.size() + own_lines_.size() + kLengthField.size() +
                           kLongestNumber + 2 + kKeepAlive.size() + kChunkedField.size() + 2 + size_of(headers);
  char* const begin = out.reserve(size);
  char* p = put(begin, status);
  for (const Header& field : headers.first(head.leading)) p = put(p, field);
  p = put(put(put(p, date), server), own_lines_);

  if (head.framing == BodyFraming::kLength && !head.length_is_given) {
    p = put(p, kLengthField);
    p = std::to_chars(p, p + kLongestNumber, head.length).ptr;
    p = put(p, "\r\n");
  }
  bool length_written = false;
  bool chunked_written = false;
  for (const Header& field : headers.subspan(head.leading)) {
    const OwnField own = own_field(field.name);
    if (own == OwnField::kTransferEncoding) {
      const bool is_kept = head.keeps_chunked && text::equals_ignoring_case(field.value, "chunked");
      if (!is_kept || std::exchange(chunked_written, true)) continue;
    }
    if (own == OwnField::kContentLength && (drops_length || std::exchange(length_written, true))) continue;
    p = put(p, field);
  }
  if (head.close) {
    if (!fields.close) p = put(p, kClose);
  } else if (head.keep_alive_http10 && !fields.keep_alive) {
    p = put(p, kKeepAlive);
  } else if (head.upgrade && !fields.upgrade) {
    p = put(p, kUpgrade);
  }
  if (head.framing == BodyFraming::kChunked && !chunked_written) p = put(p, kChunkedField);
  p = put(p, "\r\n");
  out.commit(static_cast<std::size_t>(p - begin));
}

void ResponseWriter::write_refusal(runtime::Buffer& out, int status, std::uint64_t length,
                                   std::span<const Header> headers, const ResponseFields& fields) {
  constexpr std::string_view kType = "Content-Type: text/plain; charset=utf-8\r\n";
  constexpr std::string_view kCloses = "Connection: close\r\n";
  constexpr std::string_view kLength = "Content-Length: ";
  const std::string_view line = status_line(status);
  const std::string_view date = date_header_ && !fields.date ? date_.get() : std::string_view{};
  char* const begin = out.reserve(line.size() + date.size() + kCloses.size() + kLength.size() + kLongestNumber + 2 +
                                  kType.size() + size_of(headers) + 2);
  char* p = put(begin, line);
  bool has_length = is_bodiless(status);
  bool has_type = has_length;
  for (const Header& field : headers) {
    const OwnField own = own_field(field.name);
    if (own == OwnField::kTransferEncoding) continue;
    if (own == OwnField::kContentLength) {
      if (has_length || fields.content_length != length) continue;
      has_length = true;
    }
    has_type = has_type || text::equals_lower(field.name, "content-type");
    p = put(p, field);
  }
  if (!date.empty()) p = put(put(p, "D"), date.substr(1));
  if (!fields.close) p = put(p, kCloses);
  if (!has_length) {
    p = put(p, kLength);
    p = std::to_chars(p, p + kLongestNumber, length).ptr;
    p = put(p, "\r\n");
  }
  if (!has_type) p = put(p, kType);
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

void write_last_chunk(runtime::Buffer& out, std::span<const Header> trailers) {
  constexpr std::string_view kLastChunk = "0\r\n";
  char* const begin = out.reserve(kLastChunk.size() + size_of(trailers) + 2);
  char* p = put(begin, kLastChunk);
  for (const Header& field : trailers) p = put(p, field);
  p = put(p, "\r\n");
  out.commit(static_cast<std::size_t>(p - begin));
}

}  // namespace data_bridge::http::h1
