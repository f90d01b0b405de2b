// Items on their way to the store: the jobs that insert or replace one, whoever has validated it.
#include "crud/item_writes.hpp"

#include <utility>
#include <vector>

#include "text/characters.hpp"
#include "text/media_type.hpp"
#include "text/percent.hpp"

namespace data_bridge::crud {
namespace {

std::string item_path(std::string_view collection_path, const storage::Key& key) {
  while (collection_path.ends_with('/')) {
    collection_path.remove_suffix(1);
  }
  std::string path;
  text::append_uri(path, collection_path);
  path += '/';
  if (const auto* number = std::get_if<std::int64_t>(&key)) {
    path += std::to_string(*number);
  } else {
    text::append_percent_encoded(path, std::get<std::string>(key));
  }
  return path;
}

}  // namespace

std::size_t memory_of(const storage::Row& row) noexcept {
  std::size_t bytes = row.size() * sizeof(storage::Cell);
  for (const storage::Cell& cell : row) {
    if (const auto* text = std::get_if<std::string>(&cell)) {
      bytes += text->capacity();
    }
  }
  return bytes;
}

std::size_t CreateWrite::memory() const noexcept { return sizeof(*this) + memory_of(row_) + path_.capacity(); }

storage::Status CreateWrite::execute(storage::WriteTransaction& transaction) {
  if (auto done = transaction.insert(collection(), row_); !done) {
    return done;
  }
  const std::vector<storage::CellView> stored = storage::view_of(row_);
  response_.status = 201;
  resource_->codec().append_json(response_.body, stored);
  response_.headers.push_back({"location", item_path(path_, resource_->codec().key_of(stored))});
  return {};
}

std::size_t ReplaceWrite::memory() const noexcept { return sizeof(*this) + memory_of(row_); }

storage::Status ReplaceWrite::execute(storage::WriteTransaction& transaction) {
  const auto replaced = transaction.replace(collection(), key_, row_);
  if (!replaced) {
    return std::unexpected(replaced.error());
  }
  if (!*replaced) {
    respond_with_detail(response_, 404, "Not Found");
    return {};
  }
  resource_->codec().append_json(response_.body, storage::view_of(row_));
  return {};
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
