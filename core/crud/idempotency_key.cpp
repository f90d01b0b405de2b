// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the name of a request that may be sent again.
#include "crud/idempotency_key.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "json/writer.hpp"
#include "text/base64.hpp"
#include "text/siphash.hpp"
#include "text/utf8.hpp"

namespace data_bridge::crud {
namespace {

using storage::Condition;

constexpr std::string_view kField = "Idempotency-Key";

void refuse_key(schema::RequestErrors& errors, std::string_view type, std::string message, const json::Value& input,
                std::vector<schema::Context> context) {
  const schema::Error error{.type = type,
                            .location = {std::string(kField)},
                            .message = std::move(message),
                            .input = input,
                            .context = std::move(context)};
  errors.add({&error, 1}, "header");
}

std::vector<schema::Context> length_context(std::string_view name, std::size_t length) {
  return {schema::Context{.key = name, .value = json::Value::integer(static_cast<std::int64_t>(length))}};
}

// The draft has the key in quotes, as a string of structured fields (RFC 8941); most clients send it without.
std::string_view without_quotes(std::string_view key) noexcept {
  return key.size() >= 2 && key.starts_with('"') && key.ends_with('"') ? key.substr(1, key.size() - 2) : key;
}

std::string text_of(const storage::Cell& cell) {
  std::string text;
  if (const auto* const integer = std::get_if<std::int64_t>(&cell)) {
    text = "i" + std::to_string(*integer);
  } else if (const auto* const real = std::get_if<double>(&cell)) {
    text = "r" + std::to_string(std::bit_cast<std::uint64_t>(*real));
  } else if (const auto* const string = std::get_if<std::string>(&cell)) {
    json::append_string(text, *string);
  }
  return text;
}

std::string joined(std::vector<std::string> parts, bool is_ordered) {
  if (!is_ordered) std::ranges::sort(parts);
  std::string text = "(";
  for (const std::string& part : parts) text += part + ",";
  return text + ")";
}

// The same text for the same condition, in whichever order a dependency names its parts.
std::string text_of(const storage::Table& table, const Condition& condition) {
  std::vector<std::string> parts;
  if (condition.type != Condition::Type::kTest) {
    for (const Condition& part : condition.parts) parts.push_back(text_of(table, part));
    return "&|!"[condition.type == Condition::Type::kAll   ? 0
                 : condition.type == Condition::Type::kAny ? 1
                                                           : 2] +
           joined(std::move(parts), false);
  }
  std::vector<std::string> place{std::string()};
  json::append_string(place.back(), table.columns[condition.field.column].name);
  for (const std::string& member : condition.field.members) json::append_string(place.emplace_back(), member);
  for (const storage::Cell& value : condition.values) parts.push_back(text_of(value));
  return joined(std::move(place), true) + std::to_string(static_cast<int>(condition.op)) +
         joined(std::move(parts), false);
}

std::string name_of(const Resource& resource, const Request& request, const Scope* scope, std::string_view key) {
  const storage::Table& table = resource.codec().table();
  std::string name = "[";
  json::append_string(name, table.name);
  name += ',';
  json::append_string(name, text::replace_invalid(std::string(request.path)));
  name += ',';
  json::append_string(name, scope == nullptr ? "" : text_of(table, scope->condition));
  name += ',';
  json::append_string(name, key);
  return name + "]";
}

std::string fingerprint_of(std::string_view body) {
  text::SipHash128 hash({0, 0});
  hash.add(body);
  const auto digest = hash.digest();
  std::string text;
  text::append_base64url(text, {digest.data(), digest.size()});
  return text;
}

}  // namespace

std::optional<std::string> read_idempotency_key(const Request& request, schema::RequestErrors& errors) {
  if (request.idempotency_keys.empty()) {
    return std::nullopt;
  }
  if (request.idempotency_keys.size() > 1) {
    std::vector<json::Value> lines;
    for (const std::string& line : request.idempotency_keys) lines.push_back(json::Value::string(line));
    refuse_key(errors, "value_error", "Value error, the field is there more than once",
               json::Value::array({lines.data(), lines.size()}), value_error_context());
    return std::nullopt;
  }
  const std::string& line = request.idempotency_keys.front();
  const std::string_view key = without_quotes(line);
  if (key.empty()) {
    refuse_key(errors, "string_too_short", "String should have at least 1 character", json::Value::string(line),
               length_context("min_length", 1));
    return std::nullopt;
  }
  if (text::count_code_points(key) > kMaxIdempotencyKey) {
    refuse_key(errors, "string_too_long",
               "String should have at most " + std::to_string(kMaxIdempotencyKey) + " characters",
               json::Value::string(line), length_context("max_length", kMaxIdempotencyKey));
    return std::nullopt;
  }
  return std::string(key);
}

std::expected<std::shared_ptr<KeyedRequest>, Response> KeyedRequest::begin(std::shared_ptr<const Resource> resource,
                                                                           const Request& request, const Scope* scope,
                                                                           std::string key) {
  Response response;
  const Resource::Place* const place = resource->place();
  if (place == nullptr) {
    resource->fail(response, storage::Error{storage::Errc::kClosed, {}, "the store is not open"});
    return std::unexpected(std::move(response));
  }
  std::string name = name_of(*resource, request, scope, key);
  if (!place->keys_in_progress->take(name)) {
    respond_with_detail(response, 409, "A request with this Idempotency-Key is in progress");
    response.headers.push_back({"retry-after", "1"});
    return std::unexpected(std::move(response));
  }
  return std::shared_ptr<KeyedRequest>(
      new KeyedRequest(std::move(resource), *place, std::move(name), fingerprint_of(request.body), std::move(key)));
}

void KeyedRequest::end() noexcept {
  if (std::exchange(is_held_, false)) {
    place_.keys_in_progress->give_back(name_);
  }
}

void KeyedRequest::refuse(Response& response) const {
  schema::RequestErrors errors;
  refuse_key(errors, "value_error", "Value error, another request has had this key", json::Value::string(key_),
             value_error_context());
  respond_with(response, errors);
}

}  // namespace data_bridge::crud
