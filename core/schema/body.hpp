// From the bytes of a request's body to a validated value, or to the answer that FastAPI would give.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "json/value.hpp"
#include "schema/model.hpp"

namespace data_bridge::schema {

/// A whole answer to a request that cannot be served.
struct Rejection {
  int status = 422;
  std::string_view content_type = "application/json";
  std::string body;
};

/// The body as json.loads would give it; a JSON string of the raw bytes where `is_json` is false (no model
/// accepts that). Errors: 422 json_invalid, 400 where Python fails in another way. An empty body: 422 missing.
[[nodiscard]] std::expected<json::Value, Rejection> read_body(std::string_view body, bool is_json,
                                                              const json::ParseOptions& options, json::Arena& arena);

/// read_body() and Model::validate().
[[nodiscard]] std::expected<json::Value, Rejection> validate_body(const Model& model, std::string_view body,
                                                                  bool is_json, json::Arena& arena);

/// The errors of one request from several places ("path", "query", "body"), in the order in which they are added. Kept
/// as text: what an error's input points to may be gone when the next one is found.
class RequestErrors {
 public:
  void add(std::span<const Error> errors, std::string_view place);
  [[nodiscard]] bool empty() const noexcept { return entries_.empty() && writable_ && !undecided_; }
  [[nodiscard]] bool writable() const noexcept { return writable_; }
  /// Only Python can say what is wrong, if anything is.
  [[nodiscard]] bool undecided() const noexcept { return undecided_; }
  /// The JSON objects of the list, separated by commas.
  [[nodiscard]] const std::string& entries() const noexcept { return entries_; }
  /// The 422 with all of them; 500 as text where one cannot be written.
  [[nodiscard]] Rejection rejection() const;

 private:
  std::string entries_;
  bool writable_ = true;
  bool undecided_ = false;
};

/// The 422 for `errors`, each `loc` with `prefix` in front; 500 as text where it cannot be written.
[[nodiscard]] Rejection reject(std::span<const Error> errors, std::span<const LocationItem> prefix);

}  // namespace data_bridge::schema
