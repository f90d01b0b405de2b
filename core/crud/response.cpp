// What an operation answers, before it is an HTTP message or a Python object.
#include "crud/response.hpp"

#include "json/writer.hpp"

namespace data_bridge::crud {
namespace {

std::string conflict_detail(const std::vector<std::string>& fields) {
  if (fields.empty()) {
    return "Conflict";
  }
  std::string detail = "An item with this ";
  for (std::size_t at = 0; at < fields.size(); ++at) {
    detail += at == 0 ? "" : at + 1 == fields.size() ? " and " : ", ";
    detail += fields[at];
  }
  return detail + " already exists";
}

// Holds an ordinary page; one thread keeps that much.
constexpr std::size_t kMostKept = std::size_t{256} * 1024;

void respond_unavailable(Response& response) {
  respond_with_detail(response, 503, "Service Unavailable");
  // Seconds (RFC 9110, 10.2.3). Locks and fail-overs take about that long; a client cannot know better.
  response.headers.push_back({"retry-after", "1"});
}

}  // namespace

void Response::clear() noexcept {
  status = 200;
  content_type = "application/json";
  body.clear();
  headers.clear();
  is_repeat = false;
  is_undecided = false;
}

void Response::recycle() noexcept {
  clear();
  if (body.capacity() > kMostKept) {
    std::string().swap(body);
  }
}

void respond_with_detail(Response& response, int status, std::string_view detail) {
  response.clear();
  response.status = status;
  response.body = R"({"detail":)";
  json::append_string(response.body, detail);
  response.body += '}';
}

void respond_with(Response& response, schema::Rejection rejection) {
  response.clear();
  response.status = rejection.status;
  response.content_type = rejection.content_type;
  response.body = std::move(rejection.body);
}

void respond_with(Response& response, const schema::RequestErrors& errors) {
  respond_with(response, errors.rejection());
  response.is_undecided = errors.undecided();
}

std::vector<schema::Context> value_error_context() {
  return {schema::Context{.key = "error", .value = json::Value::object({})}};
}

void respond_with(Response& response, const storage::Error& error, const std::vector<std::string>& fields) {
  using storage::Errc;
  switch (error.code) {
    case Errc::kConflict:
      return respond_with_detail(response, 409, conflict_detail(fields));
    case Errc::kForbidden:
      return respond_with_detail(response, 403, "Forbidden");
    case Errc::kTooBig:
      return respond_with_detail(response, 413, "Content Too Large");
    case Errc::kOverloaded:
    case Errc::kAbandoned:
    case Errc::kBusy:
    case Errc::kReadOnly:
    case Errc::kUnavailable:
    case Errc::kClosed:
      return respond_unavailable(response);
    case Errc::kFull:
    case Errc::kKeysExhausted:
      return respond_with_detail(response, 507, "Insufficient Storage");
    case Errc::kTimeout:
      return respond_with_detail(response, 504, "Gateway Timeout");
    case Errc::kRejected:  // the model has accepted what the table refuses: our fault, or somebody changed the table
    case Errc::kIo:
    case Errc::kCorrupt:
    case Errc::kSlow:
    case Errc::kSchemaMismatch:
    case Errc::kInvalidArgument:
    case Errc::kInternal:
      break;
  }
  respond_with_detail(response, 500, "Internal Server Error");
}

bool is_worth_logging(storage::Errc code) noexcept {
  return code != storage::Errc::kConflict && code != storage::Errc::kTooBig && code != storage::Errc::kClosed &&
         code != storage::Errc::kAbandoned && code != storage::Errc::kForbidden;
}

}  // namespace data_bridge::crud
