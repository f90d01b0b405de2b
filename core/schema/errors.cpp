// FastAPI's 422 body out of validation errors.
#include "schema/errors.hpp"

#include <utility>

#include "json/writer.hpp"
#include "text/utf8.hpp"

namespace data_bridge::schema {

namespace {

bool append_location(std::string& out, const LocationItem& item) {
  if (const auto* index = std::get_if<std::int64_t>(&item)) {
    json::append_int(out, *index);
    return true;
  }
  const std::string& text = std::get<std::string>(item);
  if (text::check_utf8(text) > text::Utf8::kValid) {
    return false;
  }
  json::append_string(out, text);
  return true;
}

constexpr std::string_view kUndecided = "undecided";  // no type of Pydantic's

bool append_error(std::string& out, const Error& error, std::span<const LocationItem> prefix) {
  out.append(R"({"type":")").append(error.type).append(R"(","loc":[)");
  bool first = true;
  for (const std::span<const LocationItem> part : {prefix, std::span<const LocationItem>(error.location)}) {
    for (const LocationItem& item : part) {
      if (!first) {
        out.push_back(',');
      }
      first = false;
      if (!append_location(out, item)) {
        return false;
      }
    }
  }
  out.append(R"(],"msg":)");
  json::append_string(out, error.message);
  out.append(R"(,"input":)");
  if (!json::write(out, error.input, json::Style::kFastApi)) {
    return false;
  }
  if (!error.context.empty()) {
    char separator = '{';
    out.append(R"(,"ctx":)");
    for (const Context& context : error.context) {
      out.push_back(separator);
      separator = ',';
      json::append_string(out, context.key);
      out.push_back(':');
      if (const auto* text = std::get_if<std::string>(&context.value)) {
        json::append_string(out, *text);
      } else if (!json::write(out, std::get<json::Value>(context.value), json::Style::kFastApi)) {
        return false;
      }
    }
    out.push_back('}');
  }
  out.push_back('}');
  return true;
}

}  // namespace

Errors undecided() { return {{.type = kUndecided, .location = {}, .message = {}, .input = {}, .context = {}}}; }

bool is_undecided(std::span<const Error> errors) noexcept {
  return errors.size() == 1 && errors.front().type == kUndecided;
}

bool append_errors(std::string& out, bool first, std::span<const Error> errors, std::span<const LocationItem> prefix) {
  for (const Error& error : errors) {
    if (!first && out.size() >= kMaxErrorBytes) {
      break;  // each may repeat all of its input
    }
    if (!std::exchange(first, false)) {
      out.push_back(',');
    }
    if (!append_error(out, error, prefix)) {
      return false;
    }
  }
  return true;
}

bool errors_to_json(std::string& out, std::span<const Error> errors, std::span<const LocationItem> prefix) {
  out.append(R"({"detail":[)");
  if (!append_errors(out, true, errors, prefix)) {
    return false;
  }
  out.append("]}");
  return true;
}

}  // namespace data_bridge::schema
