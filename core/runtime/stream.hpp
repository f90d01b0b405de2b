// A connection as a run of bytes each way: what a protocol speaks over, be it a socket, TLS or a test's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/file.hpp"
#include "runtime/file_descriptor.hpp"
#include "runtime/io_handler.hpp"
#include "runtime/reactor.hpp"
#include "runtime/socket.hpp"

namespace data_bridge::runtime {

/// Never blocks, never throws. Has one owner, on the Reactor's thread; destroying it closes it.
class Stream {
 public:
  enum class Status : std::uint8_t {
    kMoved,    ///< `count` bytes, at least one
    kBlocked,  ///< none now: wait for EPOLLIN or EPOLLOUT
    kEnded,    ///< read(): the peer sends no more
    kBroken,   ///< the connection is gone
  };
  struct Outcome {
    Status status = Status::kBlocked;
    std::size_t count = 0;
  };
  enum class Closing : std::uint8_t {
    kOrderly,  ///< what was written still arrives
    kReset,    ///< what the peer has not taken is dropped, and it is told so
  };

  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  [[nodiscard]] virtual Outcome read(std::span<char> into) noexcept = 0;
  /// As much of the pieces, one behind the other, as there is room for. At least one byte is in them.
  [[nodiscard]] virtual Outcome write(std::span<const std::string_view> pieces) noexcept = 0;
  /// As much of these bytes of a file as there is room for. kEnded where the file ends before them.
  [[nodiscard]] virtual Outcome send_file(const File& file, std::uint64_t offset, std::size_t size) noexcept = 0;
  /// The socket on which exactly the written bytes leave, for a LateSender; -1 where there is none.
  [[nodiscard]] virtual int socket() const noexcept = 0;
  /// A read() would give bytes.
  [[nodiscard]] virtual bool has_unread() noexcept = 0;
  /// Our side says that it is at its end; reading goes on. False where the connection is gone.
  [[nodiscard]] virtual bool end_output() noexcept = 0;
  /// Idempotent; nothing is watched any more.
  virtual void close(Closing how) noexcept = 0;

  /// Has `handler` called for `interest` (EPOLLIN | EPOLLOUT), instead of who was called until now. False where the
  /// Reactor refuses. What waits inside the stream counts as readable.
  [[nodiscard]] virtual bool watch(std::uint32_t interest, IoHandler& handler) noexcept = 0;
  /// For the handler that watches.
  [[nodiscard]] virtual bool set_interest(std::uint32_t interest) noexcept = 0;

  [[nodiscard]] virtual const SocketAddress& peer() const noexcept = 0;
  [[nodiscard]] virtual const SocketAddress& local() noexcept = 0;
  /// Of a Unix socket; "" where there is none.
  [[nodiscard]] virtual std::string local_path() const = 0;
};

/// A connected, non-blocking stream socket.
class SocketStream final : public Stream {
 public:
  SocketStream(Reactor& reactor, FileDescriptor fd, const SocketAddress& peer) noexcept;
  ~SocketStream() override;

  [[nodiscard]] Outcome read(std::span<char> into) noexcept override;
  [[nodiscard]] Outcome write(std::span<const std::string_view> pieces) noexcept override;
  [[nodiscard]] Outcome send_file(const File& file, std::uint64_t offset, std::size_t size) noexcept override;
  [[nodiscard]] int socket() const noexcept override { return fd_.get(); }
  [[nodiscard]] bool has_unread() noexcept override;
  [[nodiscard]] bool end_output() noexcept override;
  void close(Closing how) noexcept override;
  [[nodiscard]] bool watch(std::uint32_t interest, IoHandler& handler) noexcept override;
  [[nodiscard]] bool set_interest(std::uint32_t interest) noexcept override;
  [[nodiscard]] const SocketAddress& peer() const noexcept override { return peer_; }
  [[nodiscard]] const SocketAddress& local() noexcept override;
  [[nodiscard]] std::string local_path() const override;

 private:
  Reactor& reactor_;
  FileDescriptor fd_;
  bool watched_ = false;
  std::uint8_t interest_ = 0;
  SocketAddress peer_;
  SocketAddress local_;  // asked for once, where anybody wants it
};

}  // namespace data_bridge::runtime
