// replace, update, delete: validated first, then one job in the store's transaction.
#include "crud/write_operations.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "crud/item_body.hpp"
#include "crud/item_writes.hpp"
#include "crud/parameters.hpp"
#include "crud/write_support.hpp"
#include "schema/body.hpp"

namespace data_bridge::crud {
namespace {

class UpdateWrite final : public PendingWrite {
 public:
  UpdateWrite(std::shared_ptr<const Resource> resource, const Request& request)
      : PendingWrite(std::move(resource)), body_(request.body), guard_(request.preconditions) {}

  std::size_t memory() const noexcept override {
    return sizeof(*this) + body_.capacity() + arena_.size() + guard_.memory();
  }

  /// False: `response` has the answer.
  bool prepare(const Request& request, Response& response) {
    const auto document = take_document(*resource_, request, body_, arena_, response);
    if (!document) {
      return false;
    }
    const auto patch =
        document->transform([this](const json::Value& sent) { return own_patch(*resource_, sent, arena_); });
    // Where a dependency would raise it: the body is read, and parameters are not looked at yet.
    if (!is_merge_patch(request.content_type)) {
      refuse_media_type(response);
      return false;
    }
    schema::RequestErrors errors;
    auto key = resource_->read_key(request.key, errors);
    resource_->refuse_parameters(request.query, errors);
    require_document(patch, errors);
    // Of a patch that will be merged the result is validated, as a whole.
    if (patch && (!key || !errors.empty() || !patch->is_object())) {
      check_patch(*resource_, *patch, arena_, errors);
    }
    if (!settle(key, errors, response) || !key || !patch) {
      return false;
    }
    if (is_undecided(*resource_, *patch, arena_)) {
      response.is_undecided = true;
      return false;
    }
    if (!has_required_match(*resource_, request, response)) {
      return false;
    }
    key_ = std::move(*key);
    patch_ = *patch;
    return true;
  }

  storage::Status execute(storage::WriteTransaction& transaction) override {
    ValueReader current(*resource_, arena_, guard_.is_empty());
    const auto reachable = is_reachable(transaction, key_);
    if (!reachable) {
      return std::unexpected(reachable.error());
    }
    const auto found = *reachable ? transaction.get(collection(), key_, current) : false;
    if (!found) {
      return std::unexpected(found.error());
    }
    schema::RequestErrors errors;
    if (!*found) {
      if (resource_->patch_model() == nullptr) check_patch(*resource_, patch_, arena_, errors);
      (void)settle(std::nullopt, errors, response_);
      return {};
    }
    if (!guard_.is_empty() && !guard_.admits(current.tag, response_)) {
      return {};
    }
    if (resource_->patch_model() != nullptr) {
      check_patch(*resource_, patch_, arena_, errors);
      if (!errors.empty()) {
        respond_with(response_, errors);
        return {};
      }
    }
    const json::Value merged = resource_->codec().model().merge(current.item, patch_, arena_);
    auto row = read_merged(*resource_, merged, patch_, key_, arena_, errors);
    if (!row) {
      respond_with(response_, errors);
      if (errors.undecided()) {  // what is stored was judged when it came in, and the patch was a moment ago
        resource_->fail(response_, {storage::Errc::kRejected, {}, "a patched value is undecided all at once"});
      }
      return {};
    }
    forget_last(resource_->frozen_fields(), *row);
    const auto frozen = FrozenValues::of_merged(resource_->codec(), resource_->frozen_fields(), merged, &patch_);
    if (!frozen.admit(storage::view_of(current.cells), *row, response_)) {
      return {};
    }
    const auto replaced = transaction.replace(collection(), key_, *row);
    if (!replaced) {
      return std::unexpected(replaced.error());
    }
    show_item(*resource_, *row, response_);
    return keep_inside(transaction, key_);
  }

 private:
  class ValueReader final : public storage::RowVisitor {
   public:
    ValueReader(const Resource& resource, json::Arena& arena, bool without_tag) noexcept
        : resource_(resource), arena_(arena), without_tag_(without_tag) {}
    bool on_row(storage::RowView row) override {
      item = resource_.codec().to_value(row, arena_);
      if (!without_tag_) tag = resource_.tags().of(row);
      if (!resource_.frozen_fields().empty()) std::ranges::transform(row, std::back_inserter(cells), storage::to_cell);
      return false;
    }
    json::Value item;
    std::string tag;
    storage::Row cells;  ///< where something of it stays

   private:
    const Resource& resource_;
    json::Arena& arena_;
    const bool without_tag_;
  };

  storage::Key key_;
  const std::string body_;  // parsed values point into it
  json::Arena arena_;
  json::Value patch_;
  const Guard guard_;
};

class DeleteWrite final : public PendingWrite {
 public:
  DeleteWrite(std::shared_ptr<const Resource> resource, storage::Key key, const Request& request)
      : PendingWrite(std::move(resource)), key_(std::move(key)), guard_(request.preconditions) {}

  std::size_t memory() const noexcept override { return sizeof(*this) + guard_.memory(); }

  storage::Status execute(storage::WriteTransaction& transaction) override {
    const auto reachable = is_reachable(transaction, key_);
    if (!reachable) {
      return std::unexpected(reachable.error());
    }
    if (!*reachable) {
      respond_with_detail(response_, 404, "Not Found");
      return {};
    }
    const auto admitted = guard_.admits(*resource_, transaction, collection(), key_, response_);
    if (!admitted) {
      return std::unexpected(admitted.error());
    }
    if (!*admitted) {
      return {};
    }
    const auto removed = transaction.remove(collection(), key_);
    if (!removed) {
      return std::unexpected(removed.error());
    }
    if (!*removed) {
      respond_with_detail(response_, 404, "Not Found");
      return {};
    }
    response_.status = 204;
    response_.content_type = {};
    return {};
  }

 private:
  const storage::Key key_;
  const Guard guard_;
};

class RefusedRead final : public PendingRead {
 public:
  RefusedRead(std::shared_ptr<const Resource> resource, Response memory) : PendingRead(std::move(resource), memory) {
    respond_with_detail(response_, 405, "Method Not Allowed");
    answer();
  }
  bool on_row(storage::RowView) override { return false; }
  void restart() noexcept override {}
  void finish(std::expected<std::uint64_t, storage::Error>) noexcept override {}
};

}  // namespace

std::shared_ptr<PendingRead> WriteOperation::begin(const Request&, storage::Reading, Response memory) const {
  return std::make_shared<RefusedRead>(resource_, std::move(memory));
}

std::unique_ptr<PendingWrite> ReplaceOperation::prepare(const Request& request, Response& response) const {
  response.clear();
  json::Arena& arena = request_arena();
  const auto document = take_document(*resource_, request, request.body, arena, response);
  if (!document) {
    return nullptr;
  }
  schema::RequestErrors errors;
  auto key = resource_->read_key(request.key, errors);
  resource_->refuse_parameters(request.query, errors);
  require_document(*document, errors);
  const std::shared_ptr<const Scope>& scope = scope_of(request);
  auto row = *document ? read_replacement(*resource_, **document, key ? &*key : nullptr, scope.get(), arena, errors)
                       : std::nullopt;
  if (!settle(key, errors, response) || !key || !row || !has_required_match(*resource_, request, response)) {
    return nullptr;
  }
  std::string missing = resource_->may_create(*key) ? missing_of_new(*resource_, **document, *row) : std::string();
  const json::Value own = own_part(*resource_, **document, arena);
  return placed(
      std::make_unique<ReplaceWrite>(resource_, std::move(*key), std::move(*row), own, request, std::move(missing)),
      scope, response);
}

std::unique_ptr<PendingWrite> UpdateOperation::prepare(const Request& request, Response& response) const {
  response.clear();
  auto write = std::make_unique<UpdateWrite>(resource_, request);
  return write->prepare(request, response) ? placed(std::move(write), scope_of(request), response) : nullptr;
}

std::unique_ptr<PendingWrite> DeleteOperation::prepare(const Request& request, Response& response) const {
  response.clear();
  auto key = read_parameters(*resource_, request, response);
  if (!key || !has_required_match(*resource_, request, response)) {
    return nullptr;
  }
  return placed(std::make_unique<DeleteWrite>(resource_, std::move(*key), request), scope_of(request), response);
}

}  // namespace data_bridge::crud
