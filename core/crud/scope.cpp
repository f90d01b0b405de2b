// What confines an operation to some of the items: nothing outside of it is read, written or heard of.
#include "crud/scope.hpp"

#include <algorithm>
#include <utility>

#include "crud/condition_reader.hpp"
#include "crud/item_body.hpp"
#include "crud/resource.hpp"
#include "storage/reading.hpp"

namespace data_bridge::crud {
namespace {

using storage::Condition;

Condition of_one_item(const Resource& resource, const Scope& scope, const storage::Key& key) {
  Condition test{.type = Condition::Type::kTest, .field = resource.key_term(false).field};
  test.values.push_back(std::visit([](const auto& value) { return storage::Cell(value); }, key));
  Condition both{.type = Condition::Type::kAll};
  both.parts.push_back(std::move(test));
  both.parts.push_back(scope.condition);
  return both;
}

void collect_equalities(const Condition& condition, std::vector<Scope::Equality>& into) {
  if (condition.type == Condition::Type::kAll) {
    for (const Condition& part : condition.parts) collect_equalities(part, into);
  } else if (condition.type == Condition::Type::kTest && condition.op == storage::Operator::kEqual &&
             condition.field.members.empty() && !condition.field.is_list) {
    into.push_back({.column = condition.field.column, .value = condition.values.front()});
  }
}

}  // namespace

std::expected<std::shared_ptr<const Scope>, std::string> read_scope(const Resource& resource, std::string_view text) {
  json::Arena arena;
  ConditionReader reader(resource.fields(), {}, arena);
  reader.read_where(text);
  if (!reader.errors().empty()) {
    std::string message = "the scope is no condition of this resource";
    for (const schema::Error& error : reader.errors()) message += "; " + error.message;
    return std::unexpected(std::move(message));
  }
  auto scope = std::make_shared<Scope>();
  scope->condition = reader.take().value_or(Condition{});
  collect_equalities(scope->condition, scope->equalities);
  return scope;
}

void confine(std::optional<Condition>& condition, const Scope* scope) {
  if (scope == nullptr) {
    return;
  }
  Condition both{.type = Condition::Type::kAll};
  both.parts.push_back(scope->condition);
  if (condition) both.parts.push_back(std::move(*condition));
  condition = std::move(both);
}

storage::ListQuery query_inside(const Resource& resource, const Scope& scope, const storage::Key& key) {
  return {.condition = of_one_item(resource, scope, key), .limit = 1};
}

std::expected<bool, storage::Error> get_inside(const Resource& resource, const Scope* scope,
                                               storage::Collection& collection, const storage::Key& key,
                                               storage::RowVisitor& visitor) {
  if (scope == nullptr) {
    return storage::wait_for_get(collection, key, visitor);
  }
  class Finder final : public storage::RowVisitor {
   public:
    explicit Finder(storage::RowVisitor& visitor) noexcept : visitor_(visitor) {}
    bool on_row(storage::RowView row) override {
      found = true;
      return visitor_.on_row(row);
    }
    bool found = false;

   private:
    storage::RowVisitor& visitor_;
  } finder(visitor);
  const auto done = storage::wait_for_list(collection, query_inside(resource, *scope, key), finder);
  if (!done) {
    return std::unexpected(done.error());
  }
  return finder.found;
}

std::expected<bool, storage::Error> is_inside(const Resource& resource, const Scope& scope,
                                              storage::WriteTransaction& transaction, storage::Collection& collection,
                                              const storage::Key& key) {
  return transaction.holds(collection, of_one_item(resource, scope, key));
}

json::Value with_equalities(const Resource& resource, const Scope* scope, const json::Value& input, bool only_read_only,
                            json::Arena& arena) {
  if (scope == nullptr || scope->equalities.empty() || !input.is_object()) {
    return input;
  }
  const RowCodec& codec = resource.codec();
  auto* members = arena.allocate_array<json::Member>(input.members().size() + scope->equalities.size());
  std::size_t count = static_cast<std::size_t>(std::ranges::copy(input.members(), members).out - members);
  for (const auto& [column, value] : scope->equalities) {
    const schema::FieldInfo* const field = codec.field_of(column);
    const bool is_wanted =
        !only_read_only || std::ranges::find(resource.read_only(), column) != resource.read_only().end();
    if (is_wanted && field != nullptr && column != codec.table().key_column && find_field(input, *field) == nullptr) {
      members[count++] = {json::Value::string(field->input_key), codec.value_of(column, value, arena)};
    }
  }
  return count == input.members().size() ? input : json::Value::object({members, count});
}

}  // namespace data_bridge::crud
