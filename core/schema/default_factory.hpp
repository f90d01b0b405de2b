// Defaults that are another value each time: factories of Python's library whose values need no Python.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "json/arena.hpp"
#include "json/value.hpp"

namespace data_bridge::schema {

enum class DefaultFactory : std::uint8_t {
  kUuid4,     ///< uuid.uuid4
  kUuid7,     ///< uuid.uuid7
  kLocalNow,  ///< datetime.now: without an offset
  kNaiveUtc,  ///< datetime.utcnow: without one, too
  kUtcNow,    ///< datetime.now(UTC)
  kToday,     ///< date.today
};

/// By the name that data_bridge.default_factories gives it.
[[nodiscard]] std::optional<DefaultFactory> default_factory(std::string_view name) noexcept;

/// What it makes now, as JSON mode writes it.
[[nodiscard]] json::Value make_default(DefaultFactory factory, json::Arena& arena);

}  // namespace data_bridge::schema
