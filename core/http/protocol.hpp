// What speaks on a connection: HTTP/1.1, or what a connection was upgraded to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "http/limits.hpp"
#include "runtime/buffer.hpp"
#include "runtime/io_handler.hpp"
#include "runtime/reactor.hpp"
#include "runtime/stream.hpp"

namespace data_bridge::http {

class Connections;
class Exchange;

/// One connection, in its slot of Connections, which counts it, wakes it and asks it to end. Owns its Stream.
/// Everything happens on the connections' thread; no call may throw out of it.
class Protocol : public runtime::IoHandler {
 public:
  struct Place {
    Connections& connections;
    std::uint32_t slot;
    std::uint32_t generation = 0;  ///< of the exchange that the connection was upgraded by; 0: none
  };

  Protocol(Place place, std::unique_ptr<runtime::Stream> stream) noexcept;
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;
  virtual ~Protocol();

  /// It has its slot, and watches its stream from now on. False where it cannot: then it is cut off.
  [[nodiscard]] virtual bool open() noexcept = 0;
  /// Asked for by call_at_turn_end(): what was written in the turn leaves in one go.
  virtual void on_turn_end() noexcept {}
  /// The tick of wake_at() has come. It may be one that has been put off since: look at what is due.
  virtual void on_deadline() noexcept = 0;
  /// The server ends: close where nothing is under way. Asked again from time to time; what is left after the grace
  /// time is cut off.
  virtual void drain() noexcept = 0;
  /// The exchange with that ExchangeId::generation asks for the connection's end, once what was written has left. In
  /// vain where another one has begun since.
  virtual void close_soon(std::uint32_t asking) noexcept = 0;
  /// Close now; ExchangeListeners are told.
  virtual void cut_off() noexcept = 0;
  /// The exchange with this ExchangeId::generation, where it waits for its answer.
  [[nodiscard]] virtual Exchange* find(std::uint32_t /*generation*/) noexcept { return nullptr; }

 protected:
  [[nodiscard]] Connections& connections() const noexcept { return connections_; }
  [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }
  [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }
  [[nodiscard]] runtime::Stream& stream() const noexcept { return *stream_; }
  [[nodiscard]] bool closed() const noexcept { return closed_; }

  /// on_deadline() at that tick (Connections::deadline_after()), or at an earlier one that was asked for before; 0: not
  /// for this. A deadline that is put off or dropped needs no call: the sweep reads one number a connection.
  void wake_at(std::uint32_t tick) noexcept;
  void call_at_turn_end() noexcept;
  /// The end: closes the stream and leaves the slot. The object lives until the end of the turn. Idempotent.
  void leave(runtime::Stream::Closing how) noexcept;
  /// The end of this protocol, not of its connection: for the one that goes on with it.
  [[nodiscard]] std::unique_ptr<runtime::Stream> take_stream() noexcept { return std::move(stream_); }
  /// Puts it into this one's slot and opens it.
  void replace_by(std::unique_ptr<Protocol> next);

 private:
  Connections& connections_;
  std::uint32_t slot_;
  std::uint32_t generation_;
  bool closed_ = false;
  std::unique_ptr<runtime::Stream> stream_;
};

/// Makes the protocol that goes on with a connection. `rest` is what the client has sent already; nothing of our own is
/// still to be written.
using MakeProtocol = std::move_only_function<std::unique_ptr<Protocol>(
    Protocol::Place place, std::unique_ptr<runtime::Stream> stream, runtime::Buffer rest)>;

/// Makes the protocol of a connection that was accepted.
class ProtocolFactory {
 public:
  virtual ~ProtocolFactory() = default;
  [[nodiscard]] virtual std::unique_ptr<Protocol> make(Protocol::Place place,
                                                       std::unique_ptr<runtime::Stream> stream) = 0;
};

}  // namespace data_bridge::http
