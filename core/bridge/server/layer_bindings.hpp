// The application's middleware as python/data_bridge/native_middleware.py describes it.
#pragma once

#include <nanobind/nanobind.h>

#include <vector>

#include "bridge/server/app_layers.hpp"

namespace data_bridge::bridge {

/// What tells whether this process's zlib is Python's.
void bind_layers(nanobind::module_& module);

/// A list of (kind, options), from the outside. Throws nanobind's exceptions.
[[nodiscard]] std::vector<AppLayer> read_layers(const nanobind::list& descriptions);

}  // namespace data_bridge::bridge
