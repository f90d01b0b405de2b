// Copying values.
#include "json/value.hpp"

namespace data_bridge::json {

Value copy(const Value& value, Arena& arena) {
  switch (value.type()) {
    case Type::kBigInt:
      return Value::big_integer(arena.copy(value.as_string()));
    case Type::kString:
      return Value::string(arena.copy(value.as_string()), value.has_surrogates());
    case Type::kArray: {
      const std::span<const Value> items = value.items();
      Value* copies = arena.allocate_array<Value>(items.size());
      for (std::size_t i = 0; i < items.size(); ++i) {
        copies[i] = copy(items[i], arena);
      }
      return Value::array({copies, items.size()});
    }
    case Type::kObject: {
      const std::span<const Member> members = value.members();
      Member* copies = arena.allocate_array<Member>(members.size());
      for (std::size_t i = 0; i < members.size(); ++i) {
        copies[i] = {copy(members[i].key, arena), copy(members[i].value, arena)};
      }
      return Value::object({copies, members.size()});
    }
    default:
      return value;
  }
}

}  // namespace data_bridge::json
