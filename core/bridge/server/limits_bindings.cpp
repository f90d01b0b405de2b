// `_core.Limits`: every bound and deadline of a server as one structure.
#include "bridge/server/limits_bindings.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace data_bridge::bridge {

namespace nb = nanobind;

namespace {

/// 0 means no limit, which is `most`.
void size_up_to(nb::class_<ServerLimits>& limits, const char* name, std::size_t http::Limits::* member,
                std::size_t most) {
  limits.def_prop_rw(
      name, [member](const ServerLimits& self) { return self.http.*member; },
      [member, most](ServerLimits& self, std::size_t value) { self.http.*member = value != 0 ? value : most; });
}

template <typename T>
void size(nb::class_<ServerLimits>& limits, const char* name, T http::Limits::* member) {
  limits.def_prop_rw(
      name, [member](const ServerLimits& self) { return self.http.*member; },
      [member](ServerLimits& self, T value) { self.http.*member = value; });
}

void time(nb::class_<ServerLimits>& limits, const char* name, std::chrono::milliseconds http::Limits::* member) {
  limits.def_prop_rw(
      name, [member](const ServerLimits& self) { return std::chrono::duration<double>(self.http.*member).count(); },
      [member](ServerLimits& self, double seconds) { self.http.*member = read_seconds(seconds); });
}

void websocket_time(nb::class_<ServerLimits>& limits, const char* name,
                    std::chrono::milliseconds http::ws::Options::* member) {
  limits.def_prop_rw(
      name,
      [member](const ServerLimits& self) { return std::chrono::duration<double>(self.websocket.*member).count(); },
      [member](ServerLimits& self, double seconds) { self.websocket.*member = read_seconds(seconds); });
}

}  // namespace

std::chrono::milliseconds read_seconds(double seconds) {
  constexpr double kMost = 1e9;
  if (!(seconds >= 0)) throw nb::value_error("a time is a number of seconds, 0 or more");
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(std::min(seconds, kMost) * 1000)));
}

std::chrono::milliseconds fitting_sweep_interval(const ServerLimits& limits) noexcept {
  constexpr std::chrono::milliseconds kLeast{50};
  auto shortest = std::chrono::milliseconds::max();
  for (const auto timeout :
       {limits.http.head_timeout, limits.http.idle_timeout, limits.http.body_timeout, limits.http.send_timeout,
        limits.http.linger_timeout, limits.websocket.ping_interval, limits.websocket.ping_timeout}) {
    if (timeout.count() > 0) shortest = std::min(shortest, timeout);
  }
  return std::clamp(shortest / 8, kLeast, http::Limits{}.sweep_interval);
}

void bind_limits(nb::module_& module) {
  nb::class_<ServerLimits> limits(module, "Limits", "Bounds and deadlines of a server; see data_bridge.ServerOptions.");
  limits.def(nb::init<>());
  constexpr std::size_t kLargestHead = std::numeric_limits<std::uint32_t>::max();
  size_up_to(limits, "max_head_size", &http::Limits::max_head_size, kLargestHead);
  size_up_to(limits, "max_target_size", &http::Limits::max_target_size, kLargestHead);
  size_up_to(limits, "max_fields", &http::Limits::max_fields, std::numeric_limits<std::uint16_t>::max());
  size(limits, "max_unread_body", &http::Limits::max_unread_body);
  size(limits, "max_read_ahead", &http::Limits::max_read_ahead);
  size(limits, "max_connections", &http::Limits::max_connections);
  size(limits, "max_requests_per_connection", &http::Limits::max_requests);
  size(limits, "min_body_rate", &http::Limits::min_body_rate);
  limits.def_prop_rw(
      "max_body_size", [](const ServerLimits& self) { return self.http.max_body_size; },
      [](ServerLimits& self, std::uint64_t size) { self.http.max_body_size = self.http.max_stream_size = size; });
  limits.def_prop_rw(
      "max_unsent", [](const ServerLimits& self) { return self.http.write_high_water; },
      [](ServerLimits& self, std::size_t size) {
        self.http.write_high_water = size;
        self.http.write_low_water = size / 2;
      });
  time(limits, "timeout_head", &http::Limits::head_timeout);
  time(limits, "timeout_keep_alive", &http::Limits::idle_timeout);
  time(limits, "timeout_body", &http::Limits::body_timeout);
  time(limits, "timeout_send", &http::Limits::send_timeout);
  time(limits, "timeout_linger", &http::Limits::linger_timeout);
  time(limits, "timeout_drain", &http::Limits::drain_timeout);
  limits.def_prop_rw(
      "ws", [](const ServerLimits& self) { return self.websocket.enabled; },
      [](ServerLimits& self, bool enabled) { self.websocket.enabled = enabled; });
  limits.def_prop_rw(
      "ws_max_size", [](const ServerLimits& self) { return self.websocket.max_size; },
      [](ServerLimits& self, std::uint64_t size) { self.websocket.max_size = size; });
  limits.def_prop_rw(
      "ws_max_queue", [](const ServerLimits& self) { return self.websocket.max_queue; },
      [](ServerLimits& self, std::size_t messages) { self.websocket.max_queue = messages; });
  limits.def_prop_rw(
      "ws_per_message_deflate", [](const ServerLimits& self) { return self.websocket.per_message_deflate; },
      [](ServerLimits& self, bool enabled) { self.websocket.per_message_deflate = enabled; });
  websocket_time(limits, "ws_ping_interval", &http::ws::Options::ping_interval);
  websocket_time(limits, "ws_ping_timeout", &http::ws::Options::ping_timeout);
  limits.def_prop_rw(
      "timeout_request",
      [](const ServerLimits& self) { return std::chrono::duration<double>(self.request_timeout).count(); },
      [](ServerLimits& self, double seconds) { self.request_timeout = read_seconds(seconds); });
  limits.def_prop_rw(
      "max_waiting_requests", [](const ServerLimits& self) { return self.waiting.items; },
      [](ServerLimits& self, std::size_t items) { self.waiting.items = items; });
  limits.def_prop_rw(
      "max_waiting_bytes", [](const ServerLimits& self) { return self.waiting.bytes; },
      [](ServerLimits& self, std::size_t bytes) { self.waiting.bytes = bytes; });
}

}  // namespace data_bridge::bridge
