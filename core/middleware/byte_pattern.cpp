// RE2 in Latin-1.
#include "middleware/byte_pattern.hpp"

#include <re2/re2.h>

#include <utility>

namespace data_bridge::middleware {

BytePattern::BytePattern(std::unique_ptr<re2::RE2> expression) noexcept : expression_(std::move(expression)) {}
BytePattern::~BytePattern() = default;
BytePattern::BytePattern(BytePattern&&) noexcept = default;
BytePattern& BytePattern::operator=(BytePattern&&) noexcept = default;

std::expected<BytePattern, std::string> BytePattern::compile(const std::string& pattern) {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_never_capture(true);
  auto expression = std::make_unique<re2::RE2>(pattern, options);
  if (!expression->ok()) return std::unexpected(expression->error());
  return BytePattern(std::move(expression));
}

bool BytePattern::matches(std::string_view text) const {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *expression_);
}

}  // namespace data_bridge::middleware
