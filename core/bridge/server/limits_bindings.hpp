// `_core.Limits`: every bound and deadline of a server as one structure.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>

#include "http/limits.hpp"
#include "http/ws/options.hpp"
#include "runtime/admission.hpp"

namespace data_bridge::bridge {

/// For python/data_bridge/options.py, whose fields have the same names.
struct ServerLimits {
  http::Limits http;
  /// Requests that wait for Python, as all I/O threads have brought them; beyond: 503.
  runtime::Admission::Bound waiting{.items = 2048, .bytes = std::size_t{256} * 1024 * 1024};
  /// For Python's answer to a request; 0: none.
  std::chrono::milliseconds request_timeout{0};
  http::ws::Options websocket{};
};

/// Seconds as Python gives them, rounded up, so that no time but 0 becomes 0, and at most 30 years. ValueError for what
/// is negative or no number.
[[nodiscard]] std::chrono::milliseconds read_seconds(double seconds);

/// Deadlines are looked at this often: within an eighth of the shortest, and not more than 20 times a second.
[[nodiscard]] std::chrono::milliseconds fitting_sweep_interval(const ServerLimits& limits) noexcept;

void bind_limits(nanobind::module_& module);

}  // namespace data_bridge::bridge
