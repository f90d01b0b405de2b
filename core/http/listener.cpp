// Accepts connections and deals them out.
#include "http/listener.hpp"

#include <sys/epoll.h>

#include <cerrno>
#include <utility>

#include "http/connections.hpp"
#include "runtime/socket.hpp"

namespace data_bridge::http {
namespace {

// A burst of new clients must not keep those waiting who are being served.
constexpr int kAcceptsPerTurn = 10;

}  // namespace

Listener::Listener(runtime::Reactor& reactor, runtime::FileDescriptor fd, Targets targets)
    : reactor_(reactor), fd_(std::move(fd)), targets_(std::move(targets)) {}

Listener::~Listener() { stop(); }

std::error_code Listener::start() { return reactor_.add(fd_.get(), EPOLLIN, *this); }

void Listener::stop() noexcept {
  if (!fd_) return;
  reactor_.remove(fd_.get());
  if (std::exchange(backing_off_, false)) reactor_.cancel(retry_);
  fd_.reset();
}

void Listener::on_events(std::uint32_t) noexcept {
  try {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      ConnectionsMailbox* const target = least_loaded();
      if (target == nullptr) return back_off();
      auto accepted = runtime::accept_connection(fd_.get());
      if (!accepted) {
        switch (accepted.error().value()) {
          case EAGAIN:
            return;
          case EMFILE:
          case ENFILE:
          case ENOBUFS:
          case ENOMEM:
            return back_off();  // level-triggered epoll would spin on what cannot be accepted
          default:
            continue;  // ECONNABORTED, EPROTO ...: that client is gone, the next may be fine (accept(2))
        }
      }
      target->hand_over(std::move(accepted->fd), accepted->peer);
    }
  } catch (...) {
    back_off();  // out of memory
  }
}

ConnectionsMailbox* Listener::least_loaded() const noexcept {
  ConnectionsMailbox* least = nullptr;
  for (const auto& target : targets_) {
    if (!target->full() && (least == nullptr || target->load() < least->load())) least = target.get();
  }
  return least;
}

void Listener::back_off() {
  if (std::exchange(backing_off_, true)) return;
  reactor_.remove(fd_.get());
  retry_ = reactor_.schedule_at(runtime::Clock::now() + kRetry, [this] {
    backing_off_ = false;
    if (start()) back_off();
  });
}

}  // namespace data_bridge::http
