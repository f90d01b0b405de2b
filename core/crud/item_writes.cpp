// Items on their way to the store: the jobs that insert or replace one, whoever has validated it.
#include "crud/item_writes.hpp"

#include <utility>

#include "text/characters.hpp"
#include "text/media_type.hpp"

namespace data_bridge::crud {
namespace {

storage::Key key_of(const Resource& resource, const storage::Row& row) {
  return storage::to_key(row[resource.codec().table().key_column]);
}

}  // namespace

std::size_t CreateManyWrite::memory() const noexcept {
  std::size_t bytes = sizeof(*this) + rows_.capacity() * sizeof(storage::Row);
  for (const storage::Row& row : rows_) bytes += memory_of(row);
  return bytes;
}

storage::Status CreateManyWrite::execute(storage::WriteTransaction& transaction) {
  response_.status = 201;
  response_.body += '[';
  for (storage::Row& row : rows_) {
    stamp(resource_->frozen_fields(), row);
    if (auto done = transaction.insert(collection(), row); !done) {
      return done;
    }
    if (auto inside = keep_inside(transaction, key_of(*resource_, row)); !inside) {
      return inside;
    }
    if (&row != rows_.data()) response_.body += ',';
    resource_->codec().append_json(response_.body, storage::view_of(row));
  }
  response_.body += ']';
  return {};
}

std::size_t CreateWrite::memory() const noexcept { return sizeof(*this) + memory_of(row_) + path_.capacity(); }

storage::Status CreateWrite::execute(storage::WriteTransaction& transaction) {
  stamp(resource_->frozen_fields(), row_);
  if (auto done = transaction.insert(collection(), row_); !done) {
    return done;
  }
  const storage::Key key = key_of(*resource_, row_);
  if (auto inside = keep_inside(transaction, key); !inside) {
    return inside;
  }
  response_.status = 201;
  show_item(*resource_, row_, response_);
  response_.headers.push_back({"location", item_path(path_, key)});
  return {};
}

std::size_t ReplaceWrite::memory() const noexcept {
  return sizeof(*this) + memory_of(row_) + frozen_.memory() + guard_.memory() + path_.capacity() + missing_.capacity();
}

storage::Status ReplaceWrite::execute(storage::WriteTransaction& transaction) {
  const auto reachable = is_reachable(transaction, key_);
  if (!reachable) {
    return std::unexpected(reachable.error());
  }
  if (!*reachable) {
    return create(transaction);
  }
  const auto admitted = guard_.admits(*resource_, transaction, collection(), key_, response_);
  if (!admitted) {
    return std::unexpected(admitted.error());
  }
  if (!*admitted) {
    return {};
  }
  const auto is_kept = frozen_.admit(transaction, collection(), key_, row_, response_);
  if (!is_kept) {
    return std::unexpected(is_kept.error());
  }
  if (!*is_kept) {
    return {};
  }
  const auto replaced = transaction.replace(collection(), key_, row_);
  if (!replaced) {
    return std::unexpected(replaced.error());
  }
  if (!*replaced) {
    return create(transaction);
  }
  show_item(*resource_, row_, response_);
  return keep_inside(transaction, key_);
}

storage::Status ReplaceWrite::create(storage::WriteTransaction& transaction) {
  class Finder final : public storage::RowVisitor {
   public:
    bool on_row(storage::RowView) override { return false; }
  } finder;
  const auto is_outside = transaction.get(collection(), key_, finder);
  if (!is_outside) {
    return std::unexpected(is_outside.error());
  }
  if (*is_outside) {
    respond_with_detail(response_, 404, "Not Found");
    return {};
  }
  if (!resource_->may_create(key_)) {
    respond_with_detail(response_, 404, "Not Found");
    return {};
  }
  if (guard_.needs_item()) {
    Guard::refuse(response_);
    return {};
  }
  if (!missing_.empty()) {
    respond_with(response_, schema::Rejection{.body = R"({"detail":[)" + missing_ + "]}"});
    return {};
  }
  stamp(resource_->frozen_fields(), row_);
  if (auto done = transaction.insert(collection(), row_); !done) {
    return done;
  }
  response_.status = 201;
  show_item(*resource_, row_, response_);
  response_.headers.push_back({"location", path_});
  return keep_inside(transaction, key_);
}

// RFC 7396 has a media type of its own; plain JSON is taken for the same, other patch formats are not.
bool is_merge_patch(std::string_view content_type) {
  const std::string_view type = text::media_type(content_type);
  return text::equals_lower(type, "application/json") || text::equals_lower(type, "application/merge-patch+json");
}

void refuse_media_type(Response& response) {
  respond_with_detail(response, 415, "Unsupported Media Type");
  response.headers.push_back({"accept-patch", "application/merge-patch+json, application/json"});  // RFC 5789, 2.2
}

}  // namespace data_bridge::crud
