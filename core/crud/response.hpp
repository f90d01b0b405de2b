// What an operation answers, before it is an HTTP message or a Python object.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/body.hpp"
#include "storage/error.hpp"

namespace data_bridge::crud {

struct ResponseHeader {
  std::string_view name;  ///< static, lower-case
  std::string value;
};

struct Response {
  int status = 200;
  std::string_view content_type = "application/json";  ///< static; empty: no such field
  std::string body;
  std::vector<ResponseHeader> headers;  ///< beyond content-type and content-length
  bool is_repeat = false;               ///< what an earlier request was answered
  /// There is no answer: nothing has been done, and Python has to do it, whose validators know what the body is.
  bool is_undecided = false;

  /// Back to an empty 200, keeping the memory.
  void clear() noexcept;
  /// clear(), and gives the memory of an unusually large body back.
  void recycle() noexcept;
};

/// `{"detail":"..."}`, the shape of FastAPI's HTTPException. `detail` is any valid UTF-8.
void respond_with_detail(Response& response, int status, std::string_view detail);

void respond_with(Response& response, schema::Rejection rejection);
/// Their rejection; where they are undecided the response is.
void respond_with(Response& response, const schema::RequestErrors& errors);

/// What FastAPI writes as `ctx` of an error that a ValueError made: its encoder turns the exception into `{}`.
[[nodiscard]] std::vector<schema::Context> value_error_context();

/// Says what happened without naming SQL, files or tables. `fields` are the client's names of Error::fields.
void respond_with(Response& response, const storage::Error& error, const std::vector<std::string>& fields);

/// True for faults that somebody has to look at: the log gets Error::detail.
[[nodiscard]] bool is_worth_logging(storage::Errc code) noexcept;

}  // namespace data_bridge::crud
