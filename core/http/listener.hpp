// Accepts connections and deals them out.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "http/exchange_ref.hpp"
#include "runtime/file_descriptor.hpp"
#include "runtime/io_handler.hpp"
#include "runtime/reactor.hpp"
#include "runtime/socket.hpp"

namespace data_bridge::http {

/// One listening socket on one Reactor. Each connection goes to the least loaded of `targets`, whichever
/// Reactor it runs on: exact balance, where SO_REUSEPORT among threads only hashes, and nothing is lost
/// in a queue that closes.
///
/// Where all targets are full, or the process is out of descriptors or memory, it stops watching the socket, and
/// looks again after kRetry: clients wait in the kernel's queue instead of being reset.
class Listener final : private runtime::IoHandler {
 public:
  static constexpr std::chrono::milliseconds kRetry{100};
  /// How long a drain waits for handshakes that are under way: longer than a round trip, and than a lost segment takes
  /// to be sent again (a second, RFC 6298 section 2.1).
  static constexpr std::chrono::milliseconds kHandshake{1500};

  using Targets = std::vector<std::shared_ptr<ConnectionsMailbox>>;
  /// Who else accepts from the socket. Of processes that share one, the kernel wakes one for a connection, and each
  /// in its turn: who has accepted goes to the end of their line.
  enum class Sharing : std::uint8_t { kNobody, kProcesses };

  /// `fd` listens and is non-blocking; at least one target.
  Listener(runtime::Reactor& reactor, runtime::FileDescriptor fd, Targets targets, Sharing sharing = Sharing::kNobody);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Begins to accept. std::error_code as Reactor::add().
  [[nodiscard]] std::error_code start();
  /// Accepts what waits, also beyond Limits::max_connections, and then stops, and calls `done`: closing the socket
  /// resets what it has not accepted, unless another process has it as well. Nobody begins a connection any more; whose
  /// handshake is under way, which is in no queue yet, is waited for, kHandshake at most. For a drain of the targets,
  /// which answers them. `done` may destroy the Listener; it is not called where stop() comes before.
  void drain(runtime::Task done);
  /// Stops and closes the socket. On the Reactor's thread; idempotent.
  void stop() noexcept;
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  void on_events(std::uint32_t events) noexcept override;
  [[nodiscard]] ConnectionsMailbox* least_loaded(bool even_if_full) const noexcept;
  void back_off();
  void accept_the_last() noexcept;
  void finish_drain(runtime::Clock::time_point deadline, std::chrono::milliseconds pause);

  runtime::Reactor& reactor_;
  runtime::FileDescriptor fd_;
  Targets targets_;
  Sharing sharing_;
  bool backing_off_ = false;
  runtime::TimerId retry_;
  runtime::Task drained_;  // where a drain waits for handshakes
  runtime::TimerId handshakes_;
};

}  // namespace data_bridge::http
