// Validation errors in Pydantic's words, and FastAPI's 422 body made of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "json/value.hpp"

namespace data_bridge::schema {

/// How much of what is wrong with a request is told. Pydantic tells all of it: of a megabyte of wrong items 50 MB. As
/// much as these is no help to anybody any more, so that nothing of use is left out.
constexpr std::size_t kMaxErrors = 10'000;
constexpr std::size_t kMaxErrorBytes = std::size_t{8} * 1024 * 1024;

/// One step of an error's `loc`: a field, alias or key, or the index of an item.
using LocationItem = std::variant<std::string, std::int64_t>;

struct Context {
  std::string_view key;  ///< static
  std::variant<json::Value, std::string> value;
};

/// One entry of ValidationError.errors(), without `url`.
struct Error {
  std::string_view type;  ///< Pydantic's, static: "missing", "int_parsing" ...
  std::vector<LocationItem> location;
  std::string message;
  json::Value input;  ///< points where the validated value points
  std::vector<Context> context;
};

using Errors = std::vector<Error>;

/// What stands for the errors of a value that the native core neither takes nor refuses: Python's validator has to see
/// it.
[[nodiscard]] Errors undecided();
[[nodiscard]] bool is_undecided(std::span<const Error> errors) noexcept;

/// Appends the entries of a `detail` list, with a comma before each but the first of the list, as
/// errors_to_json() writes them; the same failures.
[[nodiscard]] bool append_errors(std::string& out, bool first, std::span<const Error> errors,
                                 std::span<const LocationItem> prefix);

/// Appends `{"detail":[...]}` as FastAPI's handler of RequestValidationError writes it, each `loc` with
/// `prefix` ("body"; "path", "id") in front. False where it cannot be written (NaN, an infinity or a lone
/// surrogate in an `input`; too deep nesting): FastAPI then answers 500.
[[nodiscard]] bool errors_to_json(std::string& out, std::span<const Error> errors,
                                  std::span<const LocationItem> prefix);

}  // namespace data_bridge::schema
