// CPython's json decoder in C++: the messages, the positions and the leniency of Modules/_json.c.
#include "json/parser.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "json/encoding.hpp"
#include "json/number.hpp"
#include "json/repeated_keys.hpp"
#include "text/characters.hpp"
#include "text/utf8.hpp"

namespace data_bridge::json {

namespace {

// sys.int_info.default_max_str_digits
constexpr std::size_t kMaxIntDigits = 4300;
constexpr std::uint64_t repeat(std::uint8_t byte) { return 0x0101010101010101ULL * byte; }

bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// A container that is being read: where its members start in the scratch, and the last key of an object.
struct Frame {
  std::size_t begin;
  bool is_object;
};

class Parser {
 public:
  Parser(std::string_view text, bool raw_surrogates, Arena& arena, const ParseOptions& options,
         std::vector<Value>& scratch, std::vector<Frame>& frames) noexcept
      : text_(text),
        cursor_(text.data()),
        end_(text.data() + text.size()),
        arena_(arena),
        options_(options),
        scratch_(scratch),
        frames_(frames),
        raw_surrogates_(raw_surrogates) {}

  std::expected<Value, ParseError> run() {
    scratch_.clear();
    frames_.clear();
    skip_space();
    Value root;
    if (!document(root)) {
      return std::unexpected(error_);
    }
    skip_space();
    if (cursor_ != end_) {
      (void)fail("Extra data", cursor_);
      return std::unexpected(error_);
    }
    return root;
  }

 private:
  // One value, without recursion: CPython 3.13 reads some ten thousand levels, a thread's stack may not.
  bool document(Value& root) {
    for (;;) {
      Value value;
      const char* const start = cursor_;
      if (cursor_ != end_ && (*cursor_ == '{' || *cursor_ == '[')) {
        if (frames_.size() >= options_.max_depth) {
          return fail(ParseErrorKind::kDepth);
        }
        const bool is_object = *cursor_ == '{';
        ++cursor_;
        skip_space();
        if (cursor_ == end_ || *cursor_ != (is_object ? '}' : ']')) {
          frames_.push_back({scratch_.size(), is_object});
          if (is_object && !key()) {
            return false;
          }
          continue;
        }
        ++cursor_;
        value = is_object ? Value::object({}) : Value::array({});
      } else if (!scalar(start, value)) {
        return false;
      }
      // The value is whole: put it where it belongs, and close the containers that end behind it.
      for (;;) {
        if (frames_.empty()) {
          root = value;
          return true;
        }
        scratch_.push_back(value);
        const Frame frame = frames_.back();
        skip_space();
        if (cursor_ != end_ && *cursor_ == (frame.is_object ? '}' : ']')) {
          ++cursor_;
          value = frame.is_object ? close_object(frame.begin) : close_array(frame.begin);
          scratch_.resize(frame.begin);
          frames_.pop_back();
          continue;
        }
        if (cursor_ == end_ || *cursor_ != ',') {
          return fail("Expecting ',' delimiter", cursor_);
        }
        const char* const comma = cursor_++;
        skip_space();
        if (options_.trailing_comma_message && cursor_ != end_ && *cursor_ == (frame.is_object ? '}' : ']')) {
          return fail(frame.is_object ? "Illegal trailing comma before end of object"
                                      : "Illegal trailing comma before end of array",
                      comma);
        }
        if (frame.is_object && !key()) {
          return false;
        }
        break;
      }
    }
  }

  // A member's name and colon, up to its value.
  bool key() {
    if (cursor_ == end_ || *cursor_ != '"') {
      return fail("Expecting property name enclosed in double quotes", cursor_);
    }
    Value name;
    if (!string(name)) {
      return false;
    }
    scratch_.push_back(name);
    skip_space();
    if (cursor_ == end_ || *cursor_ != ':') {
      return fail("Expecting ':' delimiter", cursor_);
    }
    ++cursor_;
    skip_space();
    return true;
  }

  bool scalar(const char* start, Value& value) {
    if (cursor_ == end_) {
      return fail("Expecting value", start);
    }
    switch (*cursor_) {
      case '"':
        return string(value);
      case 'n':
        return literal("null", Value(), value);
      case 't':
        return literal("true", Value::boolean(true), value);
      case 'f':
        return literal("false", Value::boolean(false), value);
      case 'N':
        return literal("NaN", Value::number(std::numeric_limits<double>::quiet_NaN()), value);
      case 'I':
        return literal("Infinity", Value::number(std::numeric_limits<double>::infinity()), value);
      case '-':
        if (std::string_view(cursor_, static_cast<std::size_t>(end_ - cursor_)).starts_with("-Infinity")) {
          return literal("-Infinity", Value::number(-std::numeric_limits<double>::infinity()), value);
        }
        return number(start, value);
      default:
        return number(start, value);
    }
  }

  bool literal(std::string_view word, Value meaning, Value& value) {
    if (!std::string_view(cursor_, static_cast<std::size_t>(end_ - cursor_)).starts_with(word)) {
      return fail("Expecting value", cursor_);
    }
    cursor_ += word.size();
    value = meaning;
    return true;
  }

  bool number(const char* start, Value& value) {
    const char* cursor = start;
    if (*cursor == '-') {
      ++cursor;
    }
    const char* const digits = cursor;
    if (cursor == end_ || !text::is_digit(*cursor)) {
      return fail("Expecting value", start);
    }
    if (*cursor == '0') {
      ++cursor;
    } else {
      while (cursor != end_ && text::is_digit(*cursor)) {
        ++cursor;
      }
    }
    const char* const integer_end = cursor;
    bool is_float = false;
    if (end_ - cursor >= 2 && *cursor == '.' && text::is_digit(cursor[1])) {
      is_float = true;
      cursor += 2;
      while (cursor != end_ && text::is_digit(*cursor)) {
        ++cursor;
      }
    }
    if (end_ - cursor >= 2 && (*cursor == 'e' || *cursor == 'E')) {
      const char* exponent = cursor + 1;
      if (end_ - exponent >= 2 && (*exponent == '+' || *exponent == '-')) {
        ++exponent;
      }
      if (text::is_digit(*exponent)) {
        is_float = true;
        while (exponent != end_ && text::is_digit(*exponent)) {
          ++exponent;
        }
        cursor = exponent;
      }
    }
    cursor_ = cursor;
    if (is_float) {
      double result = 0;
      read_double(start, cursor, result);
      value = Value::number(result);
      return true;
    }
    if (static_cast<std::size_t>(integer_end - digits) > kMaxIntDigits) {
      return fail(ParseErrorKind::kIntegerSize);
    }
    std::int64_t result = 0;
    const auto [rest, ec] = std::from_chars(start, cursor, result);
    value = ec == std::errc{} ? Value::integer(result) : Value::big_integer({start, cursor});
    return true;
  }

  bool string(Value& value) {
    const char* const quote = cursor_++;
    const char* const begin = cursor_;
    const char* cursor = skip_plain(begin);
    if (cursor == end_) {
      return fail("Unterminated string starting at", quote);
    }
    if (*cursor == '"') {
      cursor_ = cursor + 1;
      const std::string_view text(begin, cursor);
      value = Value::string(text, raw_surrogates_ && text::check_utf8(text) == text::Utf8::kSurrogates);
      return true;
    }
    if (*cursor != '\\') {
      return fail("Invalid control character at", cursor);
    }
    return escaped_string(quote, begin, cursor, value);
  }

  bool escaped_string(const char* quote, const char* begin, const char* cursor, Value& value) {
    unescaped_.assign(begin, cursor);
    bool surrogates = false;
    for (;;) {
      if (cursor == end_) {
        return fail("Unterminated string starting at", quote);
      }
      if (*cursor == '"') {
        break;
      }
      if (*cursor != '\\') {
        return fail("Invalid control character at", cursor);
      }
      const char* const backslash = cursor++;
      if (cursor == end_) {
        return fail("Unterminated string starting at", quote);
      }
      switch (*cursor++) {
        case '"':
          unescaped_.push_back('"');
          break;
        case '\\':
          unescaped_.push_back('\\');
          break;
        case '/':
          unescaped_.push_back('/');
          break;
        case 'b':
          unescaped_.push_back('\b');
          break;
        case 'f':
          unescaped_.push_back('\f');
          break;
        case 'n':
          unescaped_.push_back('\n');
          break;
        case 'r':
          unescaped_.push_back('\r');
          break;
        case 't':
          unescaped_.push_back('\t');
          break;
        case 'u': {
          const std::optional<std::uint32_t> unit = code_unit(cursor);
          if (!unit) {
            return fail("Invalid \\uXXXX escape", cursor - 1);
          }
          cursor += 4;
          std::uint32_t code_point = *unit;
          if (code_point >= 0xD800 && code_point <= 0xDBFF && end_ - cursor >= 2 && cursor[0] == '\\' &&
              cursor[1] == 'u') {
            const std::optional<std::uint32_t> low = code_unit(cursor + 2);
            if (!low) {
              return fail("Invalid \\uXXXX escape", cursor + 1);
            }
            if (*low >= 0xDC00 && *low <= 0xDFFF) {
              code_point = 0x10000 + ((code_point - 0xD800) << 10) + (*low - 0xDC00);
              cursor += 6;
            }
          }
          surrogates = surrogates || (code_point >= 0xD800 && code_point <= 0xDFFF);
          text::append_code_point(unescaped_, code_point);
          break;
        }
        default:
          return fail("Invalid \\escape", backslash);
      }
      const char* const plain = cursor;
      cursor = skip_plain(cursor);
      unescaped_.append(plain, cursor);
    }
    cursor_ = cursor + 1;
    surrogates = surrogates || (raw_surrogates_ && text::check_utf8(unescaped_) == text::Utf8::kSurrogates);
    value = Value::string(arena_.copy(unescaped_), surrogates);
    return true;
  }

  // Four hexadecimal digits with at least one more character behind them (CPython: `end >= len` fails).
  std::optional<std::uint32_t> code_unit(const char* digits) const noexcept {
    if (end_ - digits < 5) {
      return std::nullopt;
    }
    std::uint32_t unit = 0;
    for (int i = 0; i < 4; ++i) {
      const int digit = text::hex_value(digits[i]);
      if (digit < 0) {
        return std::nullopt;
      }
      unit = unit << 4 | static_cast<std::uint32_t>(digit);
    }
    return unit;
  }

  // To the next quote, backslash, control character or the end.
  const char* skip_plain(const char* cursor) const noexcept {
    while (end_ - cursor >= 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, cursor, sizeof word);
      const std::uint64_t quote = word ^ repeat('"');
      const std::uint64_t backslash = word ^ repeat('\\');
      const std::uint64_t found =
          (((quote - repeat(1)) & ~quote) | ((backslash - repeat(1)) & ~backslash) | ((word - repeat(0x20)) & ~word)) &
          repeat(0x80);
      if (found != 0) {
        break;  // within these eight, possibly a false alarm behind the first hit: look byte by byte
      }
      cursor += 8;
    }
    while (cursor != end_ && *cursor != '"' && *cursor != '\\' && static_cast<unsigned char>(*cursor) >= 0x20) {
      ++cursor;
    }
    return cursor;
  }

  Value close_array(std::size_t begin) {
    const std::size_t count = scratch_.size() - begin;
    Value* items = arena_.allocate_array<Value>(count);
    std::memcpy(static_cast<void*>(items), scratch_.data() + begin, count * sizeof(Value));
    return Value::array({items, count});
  }

  Value close_object(std::size_t begin) {
    static_assert(sizeof(Member) == 2 * sizeof(Value));
    const std::size_t count = (scratch_.size() - begin) / 2;
    Member* members = arena_.allocate_array<Member>(count);
    std::memcpy(static_cast<void*>(members), scratch_.data() + begin, count * sizeof(Member));
    return Value::object({members, drop_repeated_keys(members, count)});
  }

  void skip_space() noexcept {
    while (cursor_ != end_ && is_space(*cursor_)) {
      ++cursor_;
    }
  }

  bool fail(const char* message, const char* where) {
    error_ = {ParseErrorKind::kSyntax, message,
              text::count_code_points(text_.substr(0, static_cast<std::size_t>(where - text_.data())))};
    return false;
  }
  bool fail(ParseErrorKind kind) {
    error_ = {kind, "", 0};
    return false;
  }

  std::string_view text_;
  const char* cursor_;
  const char* end_;
  Arena& arena_;
  const ParseOptions& options_;
  std::vector<Value>& scratch_;  // members and items of the open containers; objects as key, value, key ...
  std::vector<Frame>& frames_;
  std::string unescaped_;
  ParseError error_;
  bool raw_surrogates_;
};

// Scratch above this is given back, so that one deep or long document does not pin memory per thread.
constexpr std::size_t kKeptScratch = 4096;

}  // namespace

std::expected<Value, ParseError> parse(std::string_view bytes, Arena& arena, const ParseOptions& options) {
  if (bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
    return std::unexpected(ParseError{ParseErrorKind::kDocumentSize, "", 0});
  }
  std::string_view text = bytes;
  const Encoding encoding = detect_encoding(bytes);
  if (encoding == Encoding::kUtf8Bom) {
    text.remove_prefix(3);
  } else if (encoding != Encoding::kUtf8) {
    std::string decoded;
    if (!decode(bytes, encoding, decoded)) {
      return std::unexpected(ParseError{ParseErrorKind::kEncoding, "", 0});
    }
    text = arena.copy(decoded);
  }
  // json.loads decodes all of the bytes before it looks at any, so a bad byte anywhere comes first.
  const text::Utf8 check = text::check_utf8(text);
  if (check == text::Utf8::kInvalid) {
    return std::unexpected(ParseError{ParseErrorKind::kEncoding, "", 0});
  }
  thread_local std::vector<Value> scratch;
  thread_local std::vector<Frame> frames;
  auto result = Parser(text, check == text::Utf8::kSurrogates, arena, options, scratch, frames).run();
  if (scratch.capacity() > kKeptScratch) {
    std::vector<Value>().swap(scratch);
  }
  if (frames.capacity() > kKeptScratch) {
    std::vector<Frame>().swap(frames);
  }
  return result;
}

}  // namespace data_bridge::json
