// A socket as a Stream.
#include "runtime/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

namespace data_bridge::runtime {
namespace {

Stream::Outcome outcome_of(ssize_t count) noexcept {
  using Status = Stream::Status;
  if (count > 0) return {Status::kMoved, static_cast<std::size_t>(count)};
  if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return {Status::kBroken, 0};
  return {Status::kBlocked, 0};
}

/// sendfile(2) has no MSG_NOSIGNAL, and an application may have switched SIGPIPE on again.
class PipeSignalHeld {
 public:
  PipeSignalHeld() noexcept {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~PipeSignalHeld() {
    if (raised_) {
      const timespec at_once{};
      sigtimedwait(&pipe_, nullptr, &at_once);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  PipeSignalHeld(const PipeSignalHeld&) = delete;
  PipeSignalHeld& operator=(const PipeSignalHeld&) = delete;

  void raised() noexcept { raised_ = true; }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool raised_ = false;
};

}  // namespace

SocketStream::SocketStream(Reactor& reactor, FileDescriptor fd, const SocketAddress& peer) noexcept
    : reactor_(reactor), fd_(std::move(fd)), peer_(peer) {
  if (peer.family == SocketAddress::Family::kUnix) return;
  // What is written leaves whole; Nagle's wait for the peer's acknowledgement would cost a streamed answer 40 ms.
  const int on = 1;
  setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

SocketStream::~SocketStream() { close(Closing::kOrderly); }

Stream::Outcome SocketStream::read(std::span<char> into) noexcept {
  const ssize_t count = recv(fd_.get(), into.data(), into.size(), 0);
  return count == 0 ? Outcome{Status::kEnded, 0} : outcome_of(count);
}

Stream::Outcome SocketStream::write(std::span<const std::string_view> pieces) noexcept {
  if (pieces.size() == 1) return outcome_of(send(fd_.get(), pieces[0].data(), pieces[0].size(), MSG_NOSIGNAL));
  std::array<iovec, 8> parts;
  const std::size_t count = std::min(pieces.size(), parts.size());
  for (std::size_t i = 0; i < count; ++i) {
    // iovec has no const; sendmsg(2) reads only.
    parts[i] = {.iov_base = const_cast<char*>(pieces[i].data()), .iov_len = pieces[i].size()};
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  return outcome_of(sendmsg(fd_.get(), &message, MSG_NOSIGNAL));
}

Stream::Outcome SocketStream::send_file(const File& file, std::uint64_t offset, std::size_t size) noexcept {
  PipeSignalHeld held;
  auto position = static_cast<off_t>(offset);
  const ssize_t count = sendfile(fd_.get(), file.fd.get(), &position, size);
  if (count == 0) return {Status::kEnded, 0};
  const Outcome outcome = outcome_of(count);
  if (count < 0 && errno == EPIPE) held.raised();
  return outcome;
}

bool SocketStream::has_unread() noexcept {
  char first = 0;
  return recv(fd_.get(), &first, sizeof first, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool SocketStream::end_output() noexcept { return shutdown(fd_.get(), SHUT_WR) == 0; }

void SocketStream::close(Closing how) noexcept {
  if (!fd_) return;
  if (std::exchange(watched_, false)) reactor_.remove(fd_.get());
  if (how == Closing::kReset) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  fd_.reset();
}

bool SocketStream::watch(std::uint32_t interest, IoHandler& handler) noexcept {
  if (std::exchange(watched_, false)) reactor_.remove(fd_.get());
  try {
    watched_ = !reactor_.add(fd_.get(), interest, handler);
  } catch (...) {
    return false;  // out of memory
  }
  interest_ = static_cast<std::uint8_t>(interest);
  return watched_;
}

bool SocketStream::set_interest(std::uint32_t interest) noexcept {
  if (interest == interest_) return true;
  try {
    if (reactor_.modify(fd_.get(), interest)) return false;
  } catch (...) {
    return false;
  }
  interest_ = static_cast<std::uint8_t>(interest);
  return true;
}

const SocketAddress& SocketStream::local() noexcept {
  if (local_.family == SocketAddress::Family::kNone) local_ = local_address(fd_.get());
  return local_;
}

std::string SocketStream::local_path() const { return runtime::local_path(fd_.get()); }

}  // namespace data_bridge::runtime
