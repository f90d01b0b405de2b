// What the Reactor calls when a file descriptor is ready.
#pragma once

#include <cstdint>

namespace data_bridge::runtime {

/// Receives the readiness of one file descriptor.
///
/// The Reactor never owns a handler. A handler may remove itself or any other registration from
/// inside on_events(): events of a removed registration that epoll_wait() already returned are dropped.
class IoHandler {
 public:
  /// Called on the Reactor's thread, without the GIL. `events` is a mask of EPOLLIN, EPOLLOUT,
  /// EPOLLERR, EPOLLHUP, EPOLLRDHUP (epoll_ctl(2)). Level-triggered: what is not consumed comes again.
  virtual void on_events(std::uint32_t events) noexcept = 0;

 protected:
  ~IoHandler() = default;
};

}  // namespace data_bridge::runtime
