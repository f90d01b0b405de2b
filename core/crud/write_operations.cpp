// create, replace, update, delete: validated first, then one job in the store's transaction.
#include "crud/write_operations.hpp"

#include <optional>
#include <utility>

#include "crud/item_body.hpp"
#include "crud/item_writes.hpp"
#include "crud/parameters.hpp"
#include "schema/body.hpp"
#include "text/media_type.hpp"

namespace data_bridge::crud {
namespace {

/// For a request's parsed values, on the thread that validates it.
json::Arena& request_arena() {
  thread_local json::Arena arena;
  arena.reset();
  return arena;
}

/// read_document(); nullopt: `response` says what is wrong with the body.
std::optional<std::optional<json::Value>> take_document(const Resource& resource, const Request& request,
                                                        std::string_view body, json::Arena& arena, Response& response) {
  auto read = read_document(resource, body, text::is_json(request.content_type), arena);
  if (!read) {
    respond_with(response, std::move(read.error()));
    return std::nullopt;
  }
  return *read;
}

class UpdateWrite final : public PendingWrite {
 public:
  UpdateWrite(std::shared_ptr<const Resource> resource, std::string_view body)
      : PendingWrite(std::move(resource)), body_(body) {}

  std::size_t memory() const noexcept override { return sizeof(*this) + body_.capacity() + arena_.size(); }

  /// False: `response` has the answer.
  bool prepare(const Request& request, Response& response) {
    const auto document = take_document(*resource_, request, body_, arena_, response);
    if (!document) {
      return false;
    }
    const std::optional<json::Value>& patch = *document;
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
    key_ = std::move(*key);
    patch_ = *patch;
    return true;
  }

  storage::Status execute(storage::WriteTransaction& transaction) override {
    ValueReader current(resource_->codec(), arena_);
    const auto found = transaction.get(collection(), key_, current);
    if (!found) {
      return std::unexpected(found.error());
    }
    schema::RequestErrors errors;
    if (!*found) {
      check_patch(*resource_, patch_, arena_, errors);
      (void)settle(std::nullopt, errors, response_);
      return {};
    }
    const json::Value merged = resource_->codec().model().merge(current.item, patch_, arena_);
    const auto row = read_item(*resource_, merged, &key_, arena_, errors);
    if (!row) {
      respond_with(response_, errors.rejection());
      return {};
    }
    const auto replaced = transaction.replace(collection(), key_, *row);
    if (!replaced) {
      return std::unexpected(replaced.error());
    }
    resource_->codec().append_json(response_.body, storage::view_of(*row));
    return {};
  }

 private:
  class ValueReader final : public storage::RowVisitor {
   public:
    ValueReader(const RowCodec& codec, json::Arena& arena) noexcept : codec_(codec), arena_(arena) {}
    bool on_row(storage::RowView row) override {
      item = codec_.to_value(row, arena_);
      return false;
    }
    json::Value item;

   private:
    const RowCodec& codec_;
    json::Arena& arena_;
  };

  storage::Key key_;
  const std::string body_;  // parsed values point into it
  json::Arena arena_;
  json::Value patch_;
};

class DeleteWrite final : public PendingWrite {
 public:
  DeleteWrite(std::shared_ptr<const Resource> resource, storage::Key key)
      : PendingWrite(std::move(resource)), key_(std::move(key)) {}

  std::size_t memory() const noexcept override { return sizeof(*this); }

  storage::Status execute(storage::WriteTransaction& transaction) override {
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
};

/// The write where its store is open; else nullptr, and `response` says so.
std::unique_ptr<PendingWrite> placed(std::unique_ptr<PendingWrite> write, Response& response) {
  return write->take_place(response) ? std::move(write) : nullptr;
}

}  // namespace

void WriteOperation::read(const Request&, Response& response, runtime::Reactor*) const {
  respond_with_detail(response, 405, "Method Not Allowed");
}

std::unique_ptr<PendingWrite> CreateOperation::prepare(const Request& request, Response& response) const {
  response.clear();
  json::Arena& arena = request_arena();
  const auto document = take_document(*resource_, request, request.body, arena, response);
  if (!document) {
    return nullptr;
  }
  schema::RequestErrors errors;
  resource_->refuse_parameters(request.query, errors);
  require_document(*document, errors);
  auto row = *document ? read_item(*resource_, **document, nullptr, arena, errors) : std::nullopt;
  if (!row || !errors.empty()) {
    respond_with(response, errors.rejection());
    return nullptr;
  }
  return placed(std::make_unique<CreateWrite>(resource_, std::move(*row), request.path), response);
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
  auto row = *document ? read_item(*resource_, **document, key ? &*key : nullptr, arena, errors) : std::nullopt;
  if (!settle(key, errors, response) || !key || !row) {
    return nullptr;
  }
  return placed(std::make_unique<ReplaceWrite>(resource_, std::move(*key), std::move(*row)), response);
}

std::unique_ptr<PendingWrite> UpdateOperation::prepare(const Request& request, Response& response) const {
  response.clear();
  auto write = std::make_unique<UpdateWrite>(resource_, request.body);
  return write->prepare(request, response) ? placed(std::move(write), response) : nullptr;
}

std::unique_ptr<PendingWrite> DeleteOperation::prepare(const Request& request, Response& response) const {
  response.clear();
  auto key = read_parameters(*resource_, request, response);
  return key ? placed(std::make_unique<DeleteWrite>(resource_, std::move(*key)), response) : nullptr;
}

}  // namespace data_bridge::crud
