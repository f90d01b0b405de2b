// Regular expressions in the dialect of Rust's regex crate (Pydantic's), run by RE2.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace data_bridge::schema {

class Pattern {
 public:
  /// The error says why the pattern cannot be run with exactly Rust's meaning (it then needs Python).
  [[nodiscard]] static std::expected<Pattern, std::string> compile(std::string_view pattern);

  /// True where the pattern is found anywhere in `text` (valid UTF-8). Linear in the text. Thread-safe.
  [[nodiscard]] bool search(std::string_view text) const;

  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;

 private:
  explicit Pattern(std::unique_ptr<re2::RE2> expression) noexcept;
  std::unique_ptr<re2::RE2> expression_;
};

/// The same expression in RE2's syntax; for tests.
[[nodiscard]] std::expected<std::string, std::string> translate_pattern(std::string_view pattern);

}  // namespace data_bridge::schema
