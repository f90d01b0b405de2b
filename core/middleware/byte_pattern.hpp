// Regular expressions over bytes, run by RE2.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace data_bridge::middleware {

class BytePattern {
 public:
  /// In RE2's syntax; a byte is a character. The error says why it cannot be run.
  [[nodiscard]] static std::expected<BytePattern, std::string> compile(const std::string& pattern);

  /// True where it matches all of `text`. Linear in the text. Thread-safe.
  [[nodiscard]] bool matches(std::string_view text) const;

  ~BytePattern();
  BytePattern(BytePattern&&) noexcept;
  BytePattern& operator=(BytePattern&&) noexcept;

 private:
  explicit BytePattern(std::unique_ptr<re2::RE2> expression) noexcept;
  std::unique_ptr<re2::RE2> expression_;
};

}  // namespace data_bridge::middleware
