// create: one item, or all of a list or none.
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "crud/item_body.hpp"
#include "crud/item_writes.hpp"
#include "crud/keyed_write.hpp"
#include "crud/write_operations.hpp"
#include "crud/write_support.hpp"
#include "schema/body.hpp"

namespace data_bridge::crud {
namespace {

std::vector<storage::Row> read_items(const Resource& resource, const Scope* scope, const json::Value& list,
                                     json::Arena& arena, schema::RequestErrors& errors) {
  std::vector<storage::Row> rows;
  rows.reserve(list.items().size());
  std::int64_t index = 0;
  for (const json::Value& item : list.items()) {
    auto row = read_new(resource, item, scope, arena, errors, index++);
    if (row) rows.push_back(std::move(*row));
  }
  return rows;
}

}  // namespace

std::unique_ptr<PendingWrite> CreateOperation::prepare(const Request& request, Response& response) const {
  response.clear();
  json::Arena& arena = request_arena();
  const auto taken = take_document(*resource_, request, request.body, arena, response);
  if (!taken) {
    return nullptr;
  }
  const std::optional<json::Value>& document = *taken;
  const std::shared_ptr<const Scope>& scope = scope_of(request);
  schema::RequestErrors errors;
  resource_->refuse_parameters(request.query, errors);
  auto key = read_idempotency_key(request, errors);
  require_document(document, errors);
  if (document && document->is_array()) {
    std::vector<storage::Row> rows = read_items(*resource_, scope.get(), *document, arena, errors);
    if (errors.empty()) {
      return keyed_by(std::move(key),
                      placed(std::make_unique<CreateManyWrite>(resource_, std::move(rows)), scope, response), resource_,
                      request, scope.get(), response);
    }
    respond_with(response, errors);
    return nullptr;
  }
  auto row = document ? read_new(*resource_, *document, scope.get(), arena, errors) : std::nullopt;
  if (!row || !errors.empty()) {
    respond_with(response, errors);
    return nullptr;
  }
  return keyed_by(std::move(key),
                  placed(std::make_unique<CreateWrite>(resource_, std::move(*row), request.path), scope, response),
                  resource_, request, scope.get(), response);
}

}  // namespace data_bridge::crud
