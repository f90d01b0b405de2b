// Reads the key and refuses what else the query asks for.
#include "crud/parameters.hpp"

namespace data_bridge::crud {

bool settle(const std::optional<storage::Key>& key, const schema::RequestErrors& errors, Response& response) {
  if (!errors.empty()) {
    respond_with(response, errors);
    return false;
  }
  if (!key) {
    respond_with_detail(response, 404, "Not Found");
    return false;
  }
  return true;
}

std::optional<storage::Key> read_parameters(const Resource& resource, const Request& request, Response& response) {
  schema::RequestErrors errors;
  auto key = resource.read_key(request.key, errors);
  resource.refuse_parameters(request.query, errors);
  return settle(key, errors, response) ? std::move(key) : std::nullopt;
}

}  // namespace data_bridge::crud
