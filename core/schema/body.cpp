// From the bytes of a request's body to a validated value, as fastapi.routing.get_request_handler reads it.
#include "schema/body.hpp"

#include <algorithm>

#include "json/utf8.hpp"
#include "json/writer.hpp"

namespace data_bridge::schema {

namespace {

bool equals_ignoring_case(std::string_view left, std::string_view right) noexcept {
  return std::ranges::equal(
      left, right, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b; });
}

std::string_view strip(std::string_view text) noexcept {
  // What str.strip() takes of Latin-1, the encoding in which Starlette reads headers.
  constexpr std::string_view kBlanks = " \t\r\n\v\f\x1C\x1D\x1E\x1F\x85\xA0";
  const std::size_t first = text.find_first_not_of(kBlanks);
  return first == std::string_view::npos ? std::string_view{}
                                         : text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Where the errors of a body are.
LocationItem body_location() { return "body"; }

Rejection unreadable() { return {400, "application/json", R"({"detail":"There was an error parsing the body"})"}; }

}  // namespace

bool is_json_content_type(std::string_view content_type) noexcept {
  // email.message.Message.get_content_type(): up to the first ';', lower case, exactly one '/'.
  const std::string_view type = strip(content_type.substr(0, content_type.find(';')));
  const std::size_t slash = type.find('/');
  if (slash == std::string_view::npos || type.find('/', slash + 1) != std::string_view::npos) {
    return false;
  }
  const std::string_view subtype = type.substr(slash + 1);
  return equals_ignoring_case(type.substr(0, slash), "application") &&
         (equals_ignoring_case(subtype, "json") ||
          (subtype.size() >= 5 && equals_ignoring_case(subtype.substr(subtype.size() - 5), "+json")));
}

namespace {

/// Starlette's ServerErrorMiddleware, after json.dumps or the encoding to UTF-8 has raised.
Rejection unwritable() { return {500, "text/plain; charset=utf-8", "Internal Server Error"}; }

}  // namespace

void RequestErrors::add(std::span<const Error> errors, std::string_view place) {
  const LocationItem prefix = std::string(place);
  writable_ = append_errors(entries_, entries_.empty(), errors, {&prefix, 1}) && writable_;
}

Rejection RequestErrors::rejection() const {
  return writable_ ? Rejection{.body = R"({"detail":[)" + entries_ + "]}"} : unwritable();
}

Rejection reject(std::span<const Error> errors, std::span<const LocationItem> prefix) {
  Rejection rejection;
  return errors_to_json(rejection.body, errors, prefix) ? rejection : unwritable();
}

std::expected<json::Value, Rejection> read_body(std::string_view body, bool is_json, const json::ParseOptions& options,
                                                json::Arena& arena) {
  if (body.empty()) {
    const Error missing{"missing", {}, "Field required", {}, {}};
    const LocationItem where = body_location();
    return std::unexpected(reject({&missing, 1}, {&where, 1}));
  }
  if (!is_json) {
    // Bytes that are no UTF-8 are marked as what cannot be written, so that echoing them fails.
    return json::Value::string(body, json::check_utf8(body) > json::Utf8::kValid);
  }
  auto parsed = json::parse(body, arena, options);
  if (parsed) {
    return *parsed;
  }
  if (parsed.error().kind != json::ParseErrorKind::kSyntax) {
    return std::unexpected(unreadable());
  }
  const Error invalid{"json_invalid",
                      {body_location(), static_cast<std::int64_t>(parsed.error().position)},
                      "JSON decode error",
                      json::Value::object({}),
                      {{"error", parsed.error().message}}};
  return std::unexpected(reject({&invalid, 1}, {}));
}

std::expected<json::Value, Rejection> validate_body(const Model& model, std::string_view body, bool is_json,
                                                    json::Arena& arena) {
  const auto value = read_body(body, is_json, model.parse_options(), arena);
  if (!value) {
    return std::unexpected(value.error());
  }
  auto result = model.validate(*value, arena);
  if (!result) {
    const LocationItem where = body_location();
    return std::unexpected(reject(result.error(), {&where, 1}));
  }
  return *result;
}

}  // namespace data_bridge::schema
