// No input crashes the parser; what it accepts and can be written reads back as the same text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "json/merge_patch.hpp"
#include "json/parser.hpp"
#include "json/writer.hpp"
#include "text/utf8.hpp"

using namespace data_bridge::json;
namespace text = data_bridge::text;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of the exact size, so that reading behind the end is seen.
  const std::string text(reinterpret_cast<const char*>(data), size);
  Arena arena;
  const auto value = parse(text, arena, {.trailing_comma_message = size % 2 == 0, .max_depth = 200});
  if (!value) {
    if (value.error().position > size) {
      std::abort();
    }
    return 0;
  }
  for (const Style style : {Style::kPydantic, Style::kFastApi}) {
    std::string first;
    if (!write(first, *value, style)) {
      continue;
    }
    if (text::check_utf8(first) > text::Utf8::kValid) {
      std::abort();
    }
    const auto again = parse(first, arena);
    std::string second;
    if (!again || !write(second, *again, style) || first != second) {
      std::abort();
    }
  }
  if (value->is_object()) {
    std::string out;
    (void)write(out, merge_patch(copy(*value, arena), *value, arena), Style::kPydantic);
  }
  return 0;
}
