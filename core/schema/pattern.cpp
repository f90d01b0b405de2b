// Regular expressions in the dialect of Rust's regex crate, run by RE2: both are linear, and differ in
// that Rust's \d \w \s are Unicode classes, and in some syntax. What is not the same is refused.
#include "schema/pattern.hpp"

#include <re2/re2.h>

#include "text/characters.hpp"

namespace data_bridge::schema {

namespace {

// UTS 18, annex C: Alphabetic + M + Nd + Pc + Join_Control. What is Alphabetic but neither L, Nl nor M
// are the circled and squared letters.
constexpr std::string_view kWord =
    R"(\p{L}\p{Nl}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F170}-\x{1F189})";
constexpr std::string_view kSpace =
    R"(\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

class Translator {
 public:
  explicit Translator(std::string_view pattern) noexcept : pattern_(pattern) {}

  std::expected<std::string, std::string> run() {
    while (position_ < pattern_.size() && reason_.empty()) {
      const char c = pattern_[position_];
      if (c == '\\') {
        escape();
      } else if (c == '[' && !in_class_) {
        open_class();
      } else if (c == '[') {
        nested_class();
      } else if (c == ']' && in_class_) {
        in_class_ = false;
        take(1);
      } else if (in_class_ && (at("&&") || at("--") || at("~~"))) {
        reason_ = "set operations in a character class";
      } else if (c == '(' && !in_class_) {
        group();
      } else if (c == '{' && !in_class_) {
        repetition();
      } else {
        take(1);
      }
    }
    if (!reason_.empty()) {
      return std::unexpected(reason_);
    }
    return out_;
  }

 private:
  [[nodiscard]] bool at(std::string_view text) const noexcept { return pattern_.substr(position_).starts_with(text); }

  void take(std::size_t count) {
    out_.append(pattern_.substr(position_, count));
    position_ += count;
  }

  void replace(std::size_t count, std::string_view text) {
    out_.append(text);
    position_ += count;
  }

  void replace_class(std::string_view members, bool negated) {
    if (in_class_ && negated) {
      reason_ = "a negated class within a character class";
      return;
    }
    if (!in_class_) {
      out_.append(negated ? "[^" : "[");
    }
    replace(2, members);
    if (!in_class_) {
      out_.push_back(']');
    }
  }

  void escape() {
    const char c = position_ + 1 < pattern_.size() ? pattern_[position_ + 1] : '\0';
    switch (c) {
      case 'd':
        return replace(2, R"(\p{Nd})");
      case 'D':
        return replace(2, R"(\P{Nd})");
      case 'w':
        return replace_class(kWord, false);
      case 'W':
        return replace_class(kWord, true);
      case 's':
        return replace_class(kSpace, false);
      case 'S':
        return replace_class(kSpace, true);
      case 'u':
      case 'U':
        return code_point(c == 'u' ? 4 : 8);
      case 'p':
      case 'P': {
        // Copied whole, so that its braces are not taken for a repetition.
        const std::size_t end = at_brace(2) ? pattern_.find('}', position_) : position_ + 2;
        return take((end == std::string_view::npos ? pattern_.size() : end + 1) - position_);
      }
      case 'x': {
        const std::size_t end = at_brace(2) ? pattern_.find('}', position_) : position_ + 3;
        return take((end == std::string_view::npos ? pattern_.size() : end + 1) - position_);
      }
      case 'a':
      case 'f':
      case 't':
      case 'n':
      case 'r':
      case 'v':
      case 'A':
      case 'z':
        return take(2);
      default:
        break;
    }
    const bool punctuation =
        c > ' ' && c < 0x7F && !text::is_digit(c) && !text::is_letter(c) && c != '<' && c != '>' && c != '_';
    if (punctuation || c == ' ') {
      return take(2);
    }
    reason_ = std::string("the escape \\").append(1, c);
  }

  [[nodiscard]] bool at_brace(std::size_t offset) const noexcept {
    return position_ + offset < pattern_.size() && pattern_[position_ + offset] == '{';
  }

  void code_point(std::size_t digits) {
    std::size_t begin = position_ + 2;
    std::size_t end = begin + digits;
    std::size_t next = end;
    if (at_brace(2)) {
      ++begin;
      end = pattern_.find('}', begin);
      next = end + 1;
    }
    if (end == std::string_view::npos || end > pattern_.size()) {
      reason_ = "an incomplete escape";
      return;
    }
    out_.append(R"(\x{)").append(pattern_.substr(begin, end - begin)).push_back('}');
    position_ = next;
  }

  void open_class() {
    in_class_ = true;
    take(1);
    if (at("^")) {
      take(1);
    }
    // Rust: a leading run of "-" is literal, and so is a "]" in front. RE2: the same for "]".
    if (at("]")) {
      replace(1, R"(\])");
    }
    while (at("-") && !at("--")) {
      replace(1, R"(\-)");
    }
  }

  void nested_class() {
    const std::size_t end = pattern_.find(":]", position_);
    if (at("[:") && end != std::string_view::npos) {
      take(end + 2 - position_);  // POSIX classes are ASCII in both
    } else {
      reason_ = "a character class within another";
    }
  }

  void group() {
    if (!at("(?") || at("(?:") || at("(?P<")) {
      take(1);
      if (at("?")) {
        take(1);
      }
      return;
    }
    if (at("(?<") && !at("(?<=") && !at("(?<!")) {
      return replace(3, "(?P<");
    }
    // Inline flags: i, m, s mean the same in both, alone, negated or for one group.
    std::size_t end = position_ + 2;
    while (end < pattern_.size() && std::string_view("ims-").contains(pattern_[end])) {
      ++end;
    }
    if (end < pattern_.size() && (pattern_[end] == ')' || pattern_[end] == ':')) {
      return take(end + 1 - position_);
    }
    reason_ = "inline flags other than i, m and s";
  }

  void repetition() {
    std::size_t end = position_ + 1;
    while (end < pattern_.size() && text::is_digit(pattern_[end])) {
      ++end;
    }
    const bool has_minimum = end > position_ + 1;
    if (end < pattern_.size() && pattern_[end] == ',') {
      ++end;
      while (end < pattern_.size() && text::is_digit(pattern_[end])) {
        ++end;
      }
    }
    if (!has_minimum || end >= pattern_.size() || pattern_[end] != '}') {
      reason_ = "a repetition that is not {n}, {n,} or {n,m}";
      return;
    }
    take(end + 1 - position_);
  }

  std::string_view pattern_;
  std::size_t position_ = 0;
  bool in_class_ = false;
  std::string out_;
  std::string reason_;
};

}  // namespace

std::expected<std::string, std::string> translate_pattern(std::string_view pattern) {
  return Translator(pattern).run();
}

std::expected<Pattern, std::string> Pattern::compile(std::string_view pattern) {
  const auto translated = translate_pattern(pattern);
  if (!translated) {
    return std::unexpected("the native engine has no " + translated.error());
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto expression = std::make_unique<re2::RE2>(re2::StringPiece(translated->data(), translated->size()), options);
  if (!expression->ok()) {
    return std::unexpected("the native engine refuses it: " + expression->error());
  }
  return Pattern(std::move(expression));
}

bool Pattern::search(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *expression_);
}

Pattern::Pattern(std::unique_ptr<re2::RE2> expression) noexcept : expression_(std::move(expression)) {}
Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

}  // namespace data_bridge::schema
