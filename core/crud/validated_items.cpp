// Writes whose items are validated outside of the core, where a model needs Python.
#include "crud/validated_items.hpp"

#include <bit>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "crud/item_body.hpp"
#include "crud/item_writes.hpp"
#include "crud/keyed_write.hpp"
#include "crud/parameters.hpp"
#include "crud/write_support.hpp"
#include "json/merge_patch.hpp"
#include "json/parser.hpp"
#include "json/writer.hpp"

namespace data_bridge::crud {
namespace {

bool is_same(const storage::CellView& left, const storage::CellView& right) noexcept {
  return left.type == right.type && left.integer == right.integer && left.text == right.text &&
         std::bit_cast<std::uint64_t>(left.real) == std::bit_cast<std::uint64_t>(right.real);
}

// Copies the row, and applies a patch to it.
class Merger final : public storage::RowVisitor {
 public:
  Merger(const RowCodec& codec, const json::Value& patch, StoredItem& item, json::Arena& arena) noexcept
      : codec_(codec), patch_(patch), item_(item), arena_(arena) {}

  bool on_row(storage::RowView row) override {
    for (const storage::CellView& cell : row) {
      item_.row.push_back(storage::to_cell(cell));
    }
    const json::Value merged = codec_.model().merge(codec_.to_value(row, arena_), patch_, arena_);
    is_writable_ = json::write(item_.merged, merged, json::Style::kPython, codec_.model().parse_options().max_depth);
    return false;
  }

  /// False where the patch has a lone surrogate.
  [[nodiscard]] bool is_writable() const noexcept { return is_writable_; }

 private:
  const RowCodec& codec_;
  const json::Value& patch_;
  StoredItem& item_;
  json::Arena& arena_;
  bool is_writable_ = true;
};

class Comparer final : public storage::RowVisitor {
 public:
  explicit Comparer(const storage::Row& expected) : expected_(storage::view_of(expected)) {}
  bool on_row(storage::RowView row) override {
    is_same_ = row.size() == expected_.size();
    for (std::size_t at = 0; at < row.size() && is_same_; ++at) {
      is_same_ = is_same(row[at], expected_[at]);
    }
    return false;
  }
  [[nodiscard]] bool is_same_row() const noexcept { return is_same_; }

 private:
  std::vector<storage::CellView> expected_;
  bool is_same_ = false;
};

// Replaces an item that is still what it was.
class ExchangeWrite final : public PendingWrite {
 public:
  /// `is_changed` outlives the write.
  ExchangeWrite(std::shared_ptr<const Resource> resource, StoredItem before, storage::Row row, FrozenValues frozen,
                bool& is_changed)
      : PendingWrite(std::move(resource)),
        before_(std::move(before)),
        row_(std::move(row)),
        frozen_(std::move(frozen)),
        is_changed_(is_changed) {}

  [[nodiscard]] std::size_t memory() const noexcept override {
    return sizeof(*this) + memory_of(row_) + memory_of(before_.row) + before_.merged.capacity() + frozen_.memory();
  }

  [[nodiscard]] storage::Status execute(storage::WriteTransaction& transaction) override {
    Comparer current(before_.row);
    const auto found = transaction.get(collection(), before_.key, current);
    if (!found) {
      return std::unexpected(found.error());
    }
    if (!*found || !current.is_same_row()) {
      is_changed_ = true;
      return {};
    }
    if (!frozen_.admit(storage::view_of(before_.row), row_, response_)) {
      return {};
    }
    if (const auto replaced = transaction.replace(collection(), before_.key, row_); !replaced) {
      return std::unexpected(replaced.error());
    }
    show_item(*resource_, row_, response_);
    return keep_inside(transaction, before_.key);
  }

 private:
  const StoredItem before_;
  storage::Row row_;
  const FrozenValues frozen_;
  bool& is_changed_;
};

// The members of an item in the order of the model's fields, as Model::validate() has them.
json::Value arrange(const schema::Model& model, const json::Value& document, json::Arena& arena) {
  const auto given = document.members();
  const auto fields = model.fields();
  const json::MemberIndex places(given, fields.size());
  auto* members = arena.allocate_array<json::Member>(fields.size() + given.size());
  std::vector<bool> is_field(given.size());
  std::size_t count = 0;
  for (const schema::FieldInfo& field : fields) {
    const std::size_t place = places.find(field.output_key);
    members[count].key = json::Value::string(field.output_key);
    members[count++].value = place < given.size() ? given[place].value : json::Value();
    if (place < given.size()) {
      is_field[place] = true;
    }
  }
  for (std::size_t at = 0; at < given.size() && model.allows_extra(); ++at) {
    if (!is_field[at]) {
      members[count++] = given[at];
    }
  }
  return json::Value::object({members, count});
}

// The row of a validated item; nullopt: `errors` say why there is none, or where it is the model's fault `response`.
std::optional<storage::Row> read_validated(const Resource& resource, std::string_view document,
                                           const json::Value& input, const storage::Key* key, json::Arena& arena,
                                           schema::RequestErrors& errors, Response& response,
                                           std::optional<std::int64_t> index = std::nullopt) {
  const schema::Model& model = resource.codec().model();
  const auto parsed = json::parse(document, arena);
  if (!parsed || !parsed->is_object()) {
    resource.fail(response, {storage::Errc::kRejected, {}, model.name() + " is not written as a JSON object"});
    return std::nullopt;
  }
  const json::Value value = arrange(model, *parsed, arena);
  for (std::size_t field = 0; field < model.fields().size(); ++field) {
    if (!resource.codec().accepts(field, value.members()[field].value)) {
      resource.fail(response, {storage::Errc::kRejected,
                               {},
                               model.name() + "." + model.fields()[field].name +
                                   " is written as a value of another type than the field's, which no column holds"});
      return std::nullopt;
    }
  }
  return to_item_row(resource, value, input, key, errors, index);
}

// The row of one item that is written alone; nullopt: `response` says why there is none.
std::optional<storage::Row> read_alone(const Resource& resource, std::string_view document, const json::Value& input,
                                       const storage::Key* key, json::Arena& arena, Response& response) {
  schema::RequestErrors errors;
  auto row = read_validated(resource, document, input, key, arena, errors, response);
  if (!errors.empty()) {
    respond_with(response, errors);
  }
  return row;
}

// Hands `write` over and waits.
Response finish(const Operation& operation, std::shared_ptr<const Scope> scope, std::unique_ptr<PendingWrite> write,
                const std::shared_ptr<KeyedRequest>& request = nullptr) {
  Response response;
  write->set_scope(std::move(scope));
  if (!write->take_place(response)) {
    return response;
  }
  if (request != nullptr) {
    write = keyed(std::move(write), operation.shared_resource(), request);
  }
  std::promise<Response> promise;
  write->set_done([&promise](Response&& done) { promise.set_value(std::move(done)); });
  operation.submit(std::move(write));
  return promise.get_future().get();
}

// What examine() has read already.
json::Value parse_again(const Resource& resource, const Request& request, json::Arena& arena) {
  const auto read = read_document(resource, request.body, request.content_type, arena);
  return read && *read ? **read : json::Value();
}

// What a request and the item that Python has made of it write.
struct ValidatedItem {
  std::optional<storage::Key> key;  // of a replacement
  json::Value input;
  storage::Row row;
};

// nullopt: `response` says why there is none.
std::optional<ValidatedItem> read_item(const Operation& operation, const Request& request, std::string_view document,
                                       json::Arena& arena, Response& response) {
  const Resource& resource = operation.resource();
  ValidatedItem item;
  if (operation.kind() != OperationKind::kCreate) {
    item.key = read_parameters(resource, request, response);
    if (!item.key || !has_required_match(resource, request, response)) {
      return std::nullopt;
    }
  }
  item.input = parse_again(resource, request, arena);
  auto row = read_alone(resource, document, item.input, item.key ? &*item.key : nullptr, arena, response);
  if (!row) {
    return std::nullopt;
  }
  item.row = std::move(*row);
  return item;
}

}  // namespace

std::expected<std::string, Response> examine(const Operation& operation, const Request& request) {
  const Resource& resource = operation.resource();
  json::Arena arena;
  Response response;
  const auto document = read_document(resource, request.body, request.content_type, arena);
  if (!document) {
    respond_with(response, document.error());
    return std::unexpected(std::move(response));
  }
  if (operation.kind() == OperationKind::kUpdate && !is_merge_patch(request.content_type)) {
    refuse_media_type(response);
    return std::unexpected(std::move(response));
  }
  schema::RequestErrors errors;
  if (operation.kind() != OperationKind::kCreate) {
    (void)resource.read_key(request.key, errors);
  }
  resource.refuse_parameters(request.query, errors);
  if (operation.kind() == OperationKind::kCreate) {
    (void)read_idempotency_key(request, errors);
  }
  require_document(*document, errors);
  if (!errors.writable()) {
    respond_with(response, errors);
    return std::unexpected(std::move(response));
  }
  return errors.entries();
}

std::expected<StoredItem, Response> merge_stored(const Operation& operation, const Request& request) {
  const Resource& resource = operation.resource();
  Response response;
  auto key = read_parameters(resource, request, response);
  if (!key || !has_required_match(resource, request, response)) {
    return std::unexpected(std::move(response));
  }
  const Resource::Place* const place = resource.place();
  if (place == nullptr) {
    resource.fail(response, storage::Error{storage::Errc::kClosed, {}, "the store is not open"});
    return std::unexpected(std::move(response));
  }
  json::Arena arena;
  const json::Value patch = parse_again(resource, request, arena);
  StoredItem item{.key = std::move(*key), .row = {}, .merged = {}, .scope = operation.scope_of(request)};
  Merger merger(resource.codec(), patch, item, arena);
  const auto found = get_inside(resource, item.scope.get(), *place->collection, item.key, merger);
  if (!found) {
    resource.fail(response, found.error());
    return std::unexpected(std::move(response));
  }
  if (!*found) {
    respond_with_detail(response, 404, "Not Found");
    return std::unexpected(std::move(response));
  }
  // What is replaced later has to be this item still.
  if (!Guard(request.preconditions).admits(resource.tags().of(storage::view_of(item.row)), response)) {
    return std::unexpected(std::move(response));
  }
  if (!merger.is_writable()) {  // as where FastAPI cannot write what it has read
    response.status = 500;
    response.content_type = "text/plain; charset=utf-8";
    response.body = "Internal Server Error";
    return std::unexpected(std::move(response));
  }
  return item;
}

std::optional<Response> refuse_validated(const Operation& operation, const Request& request,
                                         std::string_view document) {
  Response response;
  json::Arena arena;
  return read_item(operation, request, document, arena, response) ? std::nullopt : std::optional(std::move(response));
}

Response write_validated(const Operation& operation, const Request& request, std::string_view document) {
  Response response;
  json::Arena arena;
  auto item = read_item(operation, request, document, arena, response);
  if (!item) {
    return response;
  }
  if (!item->key) {
    return finish(operation, operation.scope_of(request),
                  std::make_unique<CreateWrite>(operation.shared_resource(), std::move(item->row), request.path),
                  request.keyed);
  }
  return finish(operation, operation.scope_of(request),
                std::make_unique<ReplaceWrite>(operation.shared_resource(), std::move(*item->key), std::move(item->row),
                                               item->input, request));
}

Response write_all_validated(const Operation& operation, const Request& request,
                             std::span<const std::string_view> documents) {
  const Resource& resource = operation.resource();
  Response response;
  json::Arena arena;
  schema::RequestErrors errors;
  const json::Value input = parse_again(resource, request, arena);
  std::vector<storage::Row> rows;
  rows.reserve(documents.size());
  for (std::size_t at = 0; at < documents.size(); ++at) {
    const json::Value item = input.is_array() && at < input.items().size() ? input.items()[at] : json::Value();
    auto row =
        read_validated(resource, documents[at], item, nullptr, arena, errors, response, static_cast<std::int64_t>(at));
    if (row) {
      rows.push_back(std::move(*row));
    } else if (errors.empty()) {
      return response;
    }
  }
  if (!errors.empty()) {
    respond_with(response, errors);
    return response;
  }
  return finish(operation, operation.scope_of(request),
                std::make_unique<CreateManyWrite>(operation.shared_resource(), std::move(rows)), request.keyed);
}

std::optional<Response> refuse_merged(const Operation& operation, const StoredItem& before, std::string_view document) {
  Response response;
  json::Arena arena;
  const json::Value merged = json::parse(before.merged, arena).value_or(json::Value());
  return read_alone(operation.resource(), document, merged, &before.key, arena, response)
             ? std::nullopt
             : std::optional(std::move(response));
}

std::optional<Response> write_merged(const Operation& operation, StoredItem before, std::string_view document) {
  const Resource& resource = operation.resource();
  Response response;
  json::Arena arena;
  const json::Value merged = json::parse(before.merged, arena).value_or(json::Value());
  auto row = read_alone(resource, document, merged, &before.key, arena, response);
  if (!row) {
    return response;
  }
  bool is_changed = false;
  auto frozen = FrozenValues::of_merged(resource.codec(), resource.frozen_fields(), merged);
  auto scope = before.scope;
  response = finish(operation, std::move(scope),
                    std::make_unique<ExchangeWrite>(operation.shared_resource(), std::move(before), std::move(*row),
                                                    std::move(frozen), is_changed));
  return is_changed ? std::nullopt : std::optional(std::move(response));
}

}  // namespace data_bridge::crud
