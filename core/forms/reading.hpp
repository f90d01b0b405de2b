// What the readers of forms have in common.
#pragma once

#include <cstddef>
#include <cstdint>

namespace data_bridge::forms {

/// A reader takes forms as clients send them, of which every parser understands the same. Anything else it does not
/// judge: what it was fed is then for a parser whose judgement counts, from the first byte on.
enum class Status : std::uint8_t {
  kMore,       ///< so far, so good
  kIrregular,  ///< over: not of the usual form, or above a limit
};

/// The limits of starlette.requests.Request.form().
struct Limits {
  std::size_t max_files = 1000;
  std::size_t max_fields = 1000;
  std::size_t max_part_size = std::size_t{1024} * 1024;  ///< of a field, not of a file
};

}  // namespace data_bridge::forms
