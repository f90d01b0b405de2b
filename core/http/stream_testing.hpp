// For tests: a stream in memory that moves as few bytes at a time as the test says.
#pragma once

#include <sys/epoll.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/stream.hpp"

namespace data_bridge::http {

/// The client's side; outlives the stream.
struct MemoryPeer {
  std::string to_server;      ///< sent, and not read by the server yet
  std::string from_server;    ///< everything that the server has written
  std::size_t readable = 0;   ///< bytes of `to_server` that one turn may read
  std::size_t writable = 0;   ///< bytes that one turn takes of the server's
  bool half_closed = false;   ///< no more will be in `to_server`
  bool server_ended = false;  ///< end_output(), or closed
  bool server_reset = false;
  bool closed = false;
  runtime::IoHandler* handler = nullptr;
  std::uint32_t interest = 0;

  /// A turn in which the stream is ready for up to so many bytes each way.
  void turn(std::size_t bytes_in, std::size_t bytes_out) {
    readable = bytes_in;
    writable = bytes_out;
    std::uint32_t ready = 0;
    if ((!to_server.empty() && readable > 0) || (to_server.empty() && half_closed)) ready |= EPOLLIN;
    if (writable > 0) ready |= EPOLLOUT;
    ready &= interest;
    if (handler != nullptr && ready != 0) handler->on_events(ready);
  }
};

class MemoryStream final : public runtime::Stream {
 public:
  explicit MemoryStream(MemoryPeer& peer) noexcept : peer_(peer) {
    address_.family = runtime::SocketAddress::Family::kIpv4;
    address_.port = 1;
  }
  ~MemoryStream() override { close(Closing::kOrderly); }

  [[nodiscard]] Outcome read(std::span<char> into) noexcept override {
    if (peer_.to_server.empty() && peer_.half_closed) return {Status::kEnded, 0};
    const std::size_t count = std::min({into.size(), peer_.to_server.size(), peer_.readable});
    if (count == 0) return {Status::kBlocked, 0};
    peer_.to_server.copy(into.data(), count);
    peer_.to_server.erase(0, count);
    peer_.readable -= count;
    return {Status::kMoved, count};
  }
  [[nodiscard]] Outcome write(std::span<const std::string_view> pieces) noexcept override {
    std::size_t count = 0;
    for (const std::string_view piece : pieces) {
      const std::string_view part = piece.substr(0, peer_.writable);
      peer_.from_server.append(part);
      peer_.writable -= part.size();
      count += part.size();
      if (part.size() < piece.size()) break;
    }
    return count == 0 ? Outcome{} : Outcome{Status::kMoved, count};
  }
  [[nodiscard]] Outcome send_file(const runtime::File& file, std::uint64_t offset, std::size_t size) noexcept override {
    std::string bytes(std::min(size, peer_.writable), '\0');
    if (bytes.empty()) return {};
    bytes.resize(runtime::read_cached(file, offset, bytes));
    if (bytes.empty()) return {Status::kEnded, 0};
    const std::string_view piece = bytes;
    return write({&piece, 1});
  }
  [[nodiscard]] int socket() const noexcept override { return -1; }
  [[nodiscard]] bool has_unread() noexcept override { return !peer_.to_server.empty(); }
  [[nodiscard]] bool end_output() noexcept override {
    peer_.server_ended = true;
    return true;
  }
  void close(Closing how) noexcept override {
    if (peer_.closed) return;
    peer_.closed = peer_.server_ended = true;
    peer_.server_reset = how == Closing::kReset;
    peer_.handler = nullptr;
  }
  [[nodiscard]] bool watch(std::uint32_t interest, runtime::IoHandler& handler) noexcept override {
    peer_.handler = &handler;
    peer_.interest = interest;
    return true;
  }
  [[nodiscard]] bool set_interest(std::uint32_t interest) noexcept override {
    peer_.interest = interest;
    return true;
  }
  [[nodiscard]] const runtime::SocketAddress& peer() const noexcept override { return address_; }
  [[nodiscard]] const runtime::SocketAddress& local() noexcept override { return address_; }
  [[nodiscard]] std::string local_path() const override { return {}; }

 private:
  MemoryPeer& peer_;
  runtime::SocketAddress address_;
};

}  // namespace data_bridge::http
