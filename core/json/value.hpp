// A JSON value as Python's json module would hold it: big integers, NaN, lone surrogates and all.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "json/arena.hpp"

namespace data_bridge::json {

enum class Type : std::uint8_t { kNull, kBool, kInt, kBigInt, kDouble, kString, kArray, kObject };

struct Member;

/// 16 bytes, trivially copyable, immutable. Text, items and members lie in an Arena, in the parsed
/// input or in static storage, and must outlive the value: a Value is a view, like std::string_view.
class Value {
 public:
  constexpr Value() noexcept = default;  // null

  [[nodiscard]] static constexpr Value boolean(bool value) noexcept { return Value(Type::kBool, 0, value ? 1 : 0); }
  [[nodiscard]] static constexpr Value integer(std::int64_t value) noexcept { return Value(Type::kInt, 0, value); }
  [[nodiscard]] static constexpr Value number(double value) noexcept { return Value(value); }
  /// An integer outside int64, by its decimal digits (`-?[1-9][0-9]*`).
  [[nodiscard]] static constexpr Value big_integer(std::string_view digits) noexcept {
    return Value(Type::kBigInt, digits);
  }
  /// `text` is UTF-8; with `has_surrogates` also generalised UTF-8 that holds lone surrogates.
  [[nodiscard]] static constexpr Value string(std::string_view text, bool has_surrogates = false) noexcept {
    Value value(Type::kString, text);
    value.has_surrogates_ = has_surrogates;
    return value;
  }
  [[nodiscard]] static Value array(std::span<const Value> items) noexcept {
    return Value(Type::kArray, static_cast<std::uint32_t>(items.size()), items.data());
  }
  /// Keys are unique; the order is the order of insertion, as in a Python dict.
  [[nodiscard]] static Value object(std::span<const Member> members) noexcept;

  [[nodiscard]] constexpr Type type() const noexcept { return type_; }
  [[nodiscard]] constexpr bool is_null() const noexcept { return type_ == Type::kNull; }
  [[nodiscard]] constexpr bool is_bool() const noexcept { return type_ == Type::kBool; }
  [[nodiscard]] constexpr bool is_int() const noexcept { return type_ == Type::kInt; }
  [[nodiscard]] constexpr bool is_big_int() const noexcept { return type_ == Type::kBigInt; }
  [[nodiscard]] constexpr bool is_double() const noexcept { return type_ == Type::kDouble; }
  [[nodiscard]] constexpr bool is_string() const noexcept { return type_ == Type::kString; }
  [[nodiscard]] constexpr bool is_array() const noexcept { return type_ == Type::kArray; }
  [[nodiscard]] constexpr bool is_object() const noexcept { return type_ == Type::kObject; }

  // Each of these is for its own type only.
  [[nodiscard]] constexpr bool as_bool() const noexcept { return integer_ != 0; }
  [[nodiscard]] constexpr std::int64_t as_int() const noexcept { return integer_; }
  [[nodiscard]] constexpr double as_double() const noexcept { return double_; }
  /// The text of a string, the digits of a big integer.
  [[nodiscard]] constexpr std::string_view as_string() const noexcept { return {text_, size_}; }
  [[nodiscard]] std::span<const Value> items() const noexcept { return {items_, size_}; }
  [[nodiscard]] std::span<const Member> members() const noexcept;

  /// The member's value, or nullptr. Linear: for a few look-ups in a small object.
  [[nodiscard]] const Value* find(std::string_view key) const noexcept;

  /// True for a string that has no UTF-8 form (it cannot be sent or stored).
  [[nodiscard]] constexpr bool has_surrogates() const noexcept { return has_surrogates_; }

  /// The same value, marked as one that was validated when it was stored: a model takes it as it is.
  [[nodiscard]] constexpr Value as_settled() const noexcept {
    Value value = *this;
    value.is_settled_ = true;
    return value;
  }
  [[nodiscard]] constexpr bool is_settled() const noexcept { return is_settled_; }

 private:
  constexpr Value(Type type, std::uint32_t size, std::int64_t integer) noexcept
      : type_(type), size_(size), integer_(integer) {}
  constexpr explicit Value(double value) noexcept : type_(Type::kDouble), double_(value) {}
  constexpr Value(Type type, std::string_view text) noexcept
      : type_(type), size_(static_cast<std::uint32_t>(text.size())), text_(text.data()) {}
  Value(Type type, std::uint32_t size, const Value* items) noexcept : type_(type), size_(size), items_(items) {}
  Value(std::uint32_t size, const Member* members) noexcept : type_(Type::kObject), size_(size), members_(members) {}

  Type type_ = Type::kNull;
  bool has_surrogates_ = false;
  bool is_settled_ = false;
  std::uint32_t size_ = 0;
  union {
    std::int64_t integer_ = 0;
    double double_;
    const char* text_;
    const Value* items_;
    const Member* members_;
  };
};

struct Member {
  Value key;  ///< always a string
  Value value;
};

inline Value Value::object(std::span<const Member> members) noexcept {
  return Value(static_cast<std::uint32_t>(members.size()), members.data());
}
inline std::span<const Member> Value::members() const noexcept { return {members_, size_}; }
inline const Value* Value::find(std::string_view key) const noexcept {
  for (const Member& member : members()) {
    if (member.key.as_string() == key) {
      return &member.value;
    }
  }
  return nullptr;
}

static_assert(sizeof(Value) == 16);

/// A deep copy into `arena`: nothing of it points at where `value` came from.
[[nodiscard]] Value copy(const Value& value, Arena& arena);

}  // namespace data_bridge::json
