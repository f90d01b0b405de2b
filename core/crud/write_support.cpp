// What all writes have in common.
#include "crud/write_support.hpp"

#include <expected>
#include <utility>

#include "crud/item_body.hpp"
#include "text/percent.hpp"

namespace data_bridge::crud {

std::size_t memory_of(const storage::Row& row) noexcept {
  std::size_t bytes = row.size() * sizeof(storage::Cell);
  for (const storage::Cell& cell : row) {
    if (const auto* text = std::get_if<std::string>(&cell)) {
      bytes += text->capacity();
    }
  }
  return bytes;
}

json::Arena& request_arena() {
  thread_local json::Arena arena;
  arena.reset();
  return arena;
}

std::optional<std::optional<json::Value>> take_document(const Resource& resource, const Request& request,
                                                        std::string_view body, json::Arena& arena, Response& response) {
  auto read = read_document(resource, body, request.content_type, arena);
  if (!read) {
    respond_with(response, std::move(read.error()));
    return std::nullopt;
  }
  return *read;
}

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

std::unique_ptr<PendingWrite> placed(std::unique_ptr<PendingWrite> write, std::shared_ptr<const Scope> scope,
                                     Response& response) {
  write->set_scope(std::move(scope));
  return write->take_place(response) ? std::move(write) : nullptr;
}

void show_item(const Resource& resource, const storage::Row& row, Response& response) {
  const std::vector<storage::CellView> view = storage::view_of(row);
  resource.codec().append_json(response.body, view);
  response.headers.push_back({"etag", resource.tags().of(view)});
}

void Guard::refuse(Response& response) { respond_with_detail(response, 412, "Precondition Failed"); }

bool Guard::admits(std::string_view tag, Response& response) const {
  const bool fails = (!if_match_.empty() && !matches(if_match_, tag)) ||
                     (!if_none_match_.empty() && matches_weakly(if_none_match_, tag));
  if (fails) {
    refuse(response);
    response.headers.push_back({"etag", std::string(tag)});
  }
  return !fails;
}

std::expected<bool, storage::Error> Guard::admits(const Resource& resource, storage::WriteTransaction& transaction,
                                                  storage::Collection& collection, const storage::Key& key,
                                                  Response& response) const {
  if (is_empty()) {
    return true;
  }
  class TagReader final : public storage::RowVisitor {
   public:
    explicit TagReader(const EntityTags& tags) noexcept : tags_(tags) {}
    bool on_row(storage::RowView row) override {
      tag = tags_.of(row);
      return false;
    }
    std::string tag;

   private:
    const EntityTags& tags_;
  } current(resource.tags());
  const auto found = transaction.get(collection, key, current);
  if (!found) {
    return std::unexpected(found.error());
  }
  return !*found || admits(current.tag, response);
}

bool has_required_match(const Resource& resource, const Request& request, Response& response) {
  const Preconditions& given = request.preconditions;
  if (!resource.requires_match() || !given.if_match.empty() || !given.if_none_match.empty()) {
    return true;
  }
  respond_with_detail(response, 428, "Precondition Required");
  return false;
}

}  // namespace data_bridge::crud
