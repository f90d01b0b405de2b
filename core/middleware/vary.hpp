// The Vary field as Starlette's middleware changes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/layer.hpp"
#include "text/characters.hpp"

namespace data_bridge::middleware {

/// What becomes of the Vary fields that an answer has already.
enum class VaryMerge : std::uint8_t {
  kFirst,  ///< the first is kept, others go (Starlette before 1.7)
  kAll,    ///< all are joined
};

/// Adds `name` to the end of the list; one field is left.
inline void add_vary(http::EditableHead& head, std::string_view name, VaryMerge merge) {
  std::string value;
  for (const http::Header& field : head.headers()) {
    if (!text::equals_lower(field.name, "vary")) continue;
    value.append(field.value).append(", ");
    if (merge == VaryMerge::kFirst) break;
  }
  head.set("vary", value.append(name));
}

}  // namespace data_bridge::middleware
