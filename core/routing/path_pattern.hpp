// A path template ("/users/{id:int}/{rest:path}") and what it matches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace data_bridge::routing {

/// Starlette's built-in path convertors (starlette/convertors.py), by the regular expression each stands for.
enum class Convertor : std::uint8_t {
  kStr,    ///< [^/]+
  kInt,    ///< [0-9]+
  kFloat,  ///< [0-9]+(\.[0-9]+)?
  kUuid,   ///< 8-4-4-4-12 hex digits, each dash optional
  kPath,   ///< .*  (anything but a line feed)
};

/// A literal piece or a parameter of a template.
struct Element {
  bool literal = true;
  Convertor convertor = Convertor::kStr;  ///< of a parameter
  std::string text;                       ///< the literal, or the parameter's name

  friend bool operator==(const Element&, const Element&) = default;
  /// Equal but for the parameter's name: both match the same texts.
  [[nodiscard]] bool same_shape(const Element& other) const noexcept {
    return literal == other.literal && (literal ? text == other.text : convertor == other.convertor);
  }
};

/// Where a match must end.
enum class End : std::uint8_t {
  kExact,   ///< at the end of the text
  kDollar,  ///< as Python's `$`: there, or before a line feed that ends the text
};

/// A sequence of elements, matched with the captures that Python's `re` would give (greedy, leftmost), but
/// in time linear in the text, so that no path can make a template backtrack for long. Immutable.
class PathPattern {
 public:
  PathPattern() = default;
  explicit PathPattern(std::vector<Element> elements);

  /// Reads a template as starlette.routing.compile_path() does. Errors: unknown convertor, a name used twice.
  [[nodiscard]] static std::expected<PathPattern, std::string> parse(std::string_view path_template);

  /// True where `text`, which must be valid UTF-8, matches. `captures` then has the parameters' values in order,
  /// views into `text`; it must have parameter_count() places, or none where the values are not wanted.
  [[nodiscard]] bool match(std::string_view text, End end, std::span<std::string_view> captures = {}) const;

  [[nodiscard]] const std::vector<Element>& elements() const noexcept { return elements_; }
  [[nodiscard]] std::size_t parameter_count() const noexcept { return parameter_count_; }

 private:
  [[nodiscard]] bool match_straight(std::string_view text, End end, std::span<std::string_view> captures) const;
  [[nodiscard]] bool match_general(std::string_view text, End end, std::span<std::string_view> captures) const;

  std::vector<Element> elements_;
  std::size_t parameter_count_ = 0;
  bool straight_ = true;  ///< no parameter ever has to give back what it took
};

}  // namespace data_bridge::routing
