// From the bytes of a request's body to a validated value, as fastapi.routing.get_request_handler reads it.
#include "schema/body.hpp"

#include "json/writer.hpp"
#include "text/utf8.hpp"

namespace data_bridge::schema {

namespace {

// Where the errors of a body are.
LocationItem body_location() { return "body"; }

Rejection unreadable() { return {400, "application/json", R"({"detail":"There was an error parsing the body"})"}; }

/// Starlette's ServerErrorMiddleware, after json.dumps or the encoding to UTF-8 has raised.
Rejection unwritable() { return {500, "text/plain; charset=utf-8", "Internal Server Error"}; }

Rejection missing_body() {
  const Error missing{"missing", {}, "Field required", {}, {}};
  const LocationItem where = body_location();
  return reject({&missing, 1}, {&where, 1});
}

}  // namespace

void RequestErrors::add(std::span<const Error> errors, std::string_view place) {
  if (is_undecided(errors)) {
    undecided_ = true;
    return;
  }
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
    return std::unexpected(missing_body());
  }
  if (!is_json) {
    // Bytes that are no UTF-8 are marked as what cannot be written, so that echoing them fails.
    return json::Value::string(body, text::check_utf8(body) > text::Utf8::kValid);
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
  if (value->is_null() && model.null_is_missing()) {
    return std::unexpected(missing_body());
  }
  auto result = model.validate(*value, arena);
  if (!result) {
    const LocationItem where = body_location();
    return std::unexpected(reject(result.error(), {&where, 1}));
  }
  return *result;
}

}  // namespace data_bridge::schema
