// Accepts connections and deals them out.
#include "http/listener.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "http/connections.hpp"
#include "runtime/handshakes.hpp"
#include "runtime/socket.hpp"

namespace data_bridge::http {
namespace {

// A burst of new clients must not keep those waiting who are being served.
constexpr int kAcceptsPerTurn = 10;
// More than any backlog holds (net.core.somaxconn is 4,096): who connects all the time must not hold up a stop.
constexpr int kMostAtTheEnd = 8192;
constexpr std::chrono::milliseconds kFirstLookAgain{1};

}  // namespace

Listener::Listener(runtime::Reactor& reactor, runtime::FileDescriptor fd, Targets targets, Sharing sharing)
    : reactor_(reactor), fd_(std::move(fd)), targets_(std::move(targets)), sharing_(sharing) {}

Listener::~Listener() { stop(); }

std::error_code Listener::start() {
  const std::uint32_t exclusive = sharing_ == Sharing::kProcesses ? EPOLLEXCLUSIVE : 0U;
  return reactor_.add(fd_.get(), EPOLLIN | exclusive, *this);
}

void Listener::drain(runtime::Task done) {
  if (drained_) return;
  drained_ = std::move(done);
  if (fd_ && sharing_ == Sharing::kNobody) runtime::close_queue(fd_.get());  // who came later would be reset
  finish_drain(runtime::Clock::now() + kHandshake, kFirstLookAgain);
}

void Listener::finish_drain(runtime::Clock::time_point deadline, std::chrono::milliseconds pause) {
  // Counted first: whose handshake ends behind that is in the queue.
  const bool all_here = !fd_ || sharing_ != Sharing::kNobody || runtime::handshakes_under_way(fd_.get()) == 0;
  accept_the_last();
  const auto now = runtime::Clock::now();
  if (all_here || now >= deadline) {
    runtime::Task done = std::exchange(drained_, nullptr);
    stop();
    done();
    return;
  }
  handshakes_ = reactor_.schedule_at(std::min(now + pause, deadline),
                                     [this, deadline, pause] { finish_drain(deadline, pause * 2); });
}

void Listener::accept_the_last() noexcept {
  if (!fd_) return;
  try {
    for (int i = 0; i < kMostAtTheEnd; ++i) {
      auto accepted = runtime::accept_connection(fd_.get());
      if (accepted) {
        least_loaded(true)->hand_over(std::move(accepted->fd), accepted->peer);
      } else if (accepted.error().value() != ECONNABORTED && accepted.error().value() != EINTR) {
        break;
      }
    }
  } catch (...) {  // NOLINT(bugprone-empty-catch): out of memory; what was accepted is answered
  }
}

void Listener::stop() noexcept {
  if (!fd_) return;
  reactor_.remove(fd_.get());
  if (std::exchange(backing_off_, false)) reactor_.cancel(retry_);
  if (std::exchange(drained_, nullptr)) reactor_.cancel(handshakes_);
  fd_.reset();
}

void Listener::on_events(std::uint32_t) noexcept {
  try {
    bool accepted_any = false;
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      ConnectionsMailbox* const target = least_loaded(false);
      if (target == nullptr) return back_off();
      auto accepted = runtime::accept_connection(fd_.get());
      if (!accepted) {
        switch (accepted.error().value()) {
          case EAGAIN:
            if (accepted_any && sharing_ == Sharing::kProcesses) {
              reactor_.remove(fd_.get());
              if (start()) back_off();
            }
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
      accepted_any = true;
      target->hand_over(std::move(accepted->fd), accepted->peer);
    }
  } catch (...) {
    back_off();  // out of memory
  }
}

ConnectionsMailbox* Listener::least_loaded(bool even_if_full) const noexcept {
  ConnectionsMailbox* least = nullptr;
  for (const auto& target : targets_) {
    if (target->full() && !even_if_full) continue;
    if (least == nullptr || target->load() < least->load()) least = target.get();
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
