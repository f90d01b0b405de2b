// What every protocol has to do with its connection's slot.
#include "http/protocol.hpp"

#include <utility>

#include "http/connections.hpp"

namespace data_bridge::http {

Protocol::Protocol(Place place, std::unique_ptr<runtime::Stream> stream) noexcept
    : connections_(place.connections), slot_(place.slot), generation_(place.generation), stream_(std::move(stream)) {}

Protocol::~Protocol() = default;

void Protocol::leave(runtime::Stream::Closing how) noexcept {
  if (std::exchange(closed_, true)) return;
  if (stream_ != nullptr) stream_->close(how);
  connections_.bury(slot_);
}

void Protocol::replace_by(std::unique_ptr<Protocol> next) {
  connections_.replace(slot_, std::move(next));
  closed_ = true;
}

}  // namespace data_bridge::http
