// What an application's list of fields says about an answer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "http/characters.hpp"
#include "http/request.hpp"

namespace data_bridge::http {

/// A field that a server decides about itself, or together with the application.
enum class OwnField : std::uint8_t { kNo, kDate, kServer, kConnection, kContentLength, kTransferEncoding };

[[nodiscard]] constexpr OwnField own_field(std::string_view name) noexcept {
  switch (name.size()) {
    case 4:
      return text::equals_lower(name, "date") ? OwnField::kDate : OwnField::kNo;
    case 6:
      return text::equals_lower(name, "server") ? OwnField::kServer : OwnField::kNo;
    case 10:
      return text::equals_lower(name, "connection") ? OwnField::kConnection : OwnField::kNo;
    case 14:
      return text::equals_lower(name, "content-length") ? OwnField::kContentLength : OwnField::kNo;
    case 17:
      return text::equals_lower(name, "transfer-encoding") ? OwnField::kTransferEncoding : OwnField::kNo;
    default:
      return OwnField::kNo;
  }
}

/// Read in one pass.
struct ResponseFields {
  bool valid = true;            ///< see valid_header(); also false for a Content-Length that is none
  bool lengths_differ = false;  ///< two Content-Length fields say different things: the first is taken, if at all
  bool date = false;
  bool server = false;
  bool close = false;       ///< Connection: close
  bool keep_alive = false;  ///< Connection: keep-alive
  bool upgrade = false;     ///< Connection: upgrade
  std::optional<std::uint64_t> content_length;

  explicit ResponseFields(std::span<const Header> headers) noexcept;
};

/// False for what frames or routes a message, says how to take it, or belongs to the connection (RFC 9110, 6.5.1): it
/// would come too late in a trailer.
[[nodiscard]] bool may_be_trailer(std::string_view name) noexcept;

/// True where name has no blank, separator or control, and value no CR, LF, NUL or other control but HTAB.
[[nodiscard]] bool valid_header(std::string_view name, std::string_view value) noexcept;

}  // namespace data_bridge::http
