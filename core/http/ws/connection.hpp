// A connection that speaks WebSocket (RFC 6455), from the 101 on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/connections.hpp"
#include "http/protocol.hpp"
#include "http/ws/options.hpp"
#include "runtime/buffer.hpp"
#include "runtime/stream.hpp"
#include "websocket/close.hpp"
#include "websocket/deflate.hpp"
#include "websocket/frame.hpp"
#include "websocket/message_reader.hpp"

namespace data_bridge::http::ws {

class Connection;

/// Why the WebSocket connection ends, where not by our own close().
enum class Cause : std::uint8_t {
  kPeer,     ///< the client's close frame (RFC 6455, 5.5.1); 1005 where it had no code
  kFailed,   ///< what the client has sent is not allowed (RFC 6455, 7.1.7)
  kRestart,  ///< the server ends: 1012
};

/// Told of all that happens on a connection, on its thread.
class Listener {
 public:
  virtual ~Listener() = default;
  /// Before everything else.
  virtual void on_open(Connection& connection) = 0;
  /// A whole message. False: no further one before Connection::resume_reading().
  [[nodiscard]] virtual bool on_message(Connection& connection, websocket::Opcode kind, std::string payload) = 0;
  /// Behind the messages of one read, where none of the other calls follows them.
  virtual void on_messages_end(Connection& connection) = 0;
  /// What is not allowed has come, `behind_messages` of the same read or by itself. True: the application has not taken
  /// all messages, and fail_now() will be called when it has, and asks for more.
  [[nodiscard]] virtual bool on_failing(Connection& connection, bool behind_messages) = 0;
  /// At most once: nothing more is read, and what is written from now on is dropped.
  virtual void on_closing(Connection& connection, const websocket::Close& close, Cause cause) = 0;
  /// What was written has left for the kernel, down to Limits::write_low_water, after has_room() was false.
  virtual void on_drained(Connection& connection) = 0;
  /// The last call: the TCP connection is closed, at least from our side.
  virtual void on_closed() noexcept = 0;
};

/// Answers pings and sends its own, closes and fails as the RFC says. Small while idle: buffers are borrowed, and
/// compression lets go of its memory.
class Connection final : public Protocol {
 public:
  /// `rest`: what the client has sent behind its handshake. `deflate`: what has been agreed on.
  Connection(Place place, std::unique_ptr<runtime::Stream> stream, runtime::Buffer rest,
             std::shared_ptr<const Options> options, const std::optional<websocket::DeflateParameters>& deflate,
             std::shared_ptr<Listener> listener);
  ~Connection() override;

  // --- for whoever listens; nothing happens where the connection is closing already -----------------------------
  /// A message in one frame; it leaves at the end of the turn, or with flush().
  void send(websocket::Opcode kind, std::string_view payload);
  /// Starts the closing handshake (RFC 6455, 7.1.2); the TCP connection closes with the client's close frame, or
  /// without it after Options::close_timeout. `code` may be sent, `reason` fits.
  void close(std::uint16_t code, std::string_view reason);
  /// Nobody will send any more: without a close() the TCP connection ends once what was written has left.
  void finish() noexcept;
  void flush() noexcept;
  [[nodiscard]] bool has_room() const noexcept { return output_.size() <= limits().write_high_water; }
  void resume_reading() noexcept;
  /// What on_failing() has put off.
  void fail_now() noexcept;

  // --- Protocol ------------------------------------------------------------------------------------------------
  [[nodiscard]] bool open() noexcept override;
  void on_events(std::uint32_t events) noexcept override;
  void on_turn_end() noexcept override;
  void on_deadline() noexcept override;
  void drain() noexcept override;
  void close_soon(std::uint32_t asking) noexcept override;
  void cut_off() noexcept override;

 private:
  enum class Phase : std::uint8_t {
    kOpen,
    kClosing,    // our close frame is sent, the client's is waited for
    kFlushing,   // what is written leaves, what comes in is dropped
    kLingering,  // our side is shut, so that a close frame is not lost by a reset
    kClosed,
  };

  // Reading.
  void on_readable();
  void receive(std::span<char> bytes);
  [[nodiscard]] std::size_t process(std::span<char> bytes);
  void handle(websocket::MessageReader::Event event);
  void on_close_frame();
  void resume() noexcept;
  /// What is read may be answered: a client that pings and does not read is not kept in memory.
  [[nodiscard]] bool takes_more() const noexcept { return !paused_ && has_room(); }
  [[nodiscard]] bool reads() const noexcept { return phase_ == Phase::kOpen || phase_ == Phase::kClosing; }

  // Writing.
  [[nodiscard]] runtime::Buffer& output();
  void append_frame(websocket::Opcode opcode, std::string_view payload, bool compressed = false);
  void append(std::string_view piece);
  void update_interest() noexcept;

  // Endings.
  void on_failure();
  void fail();
  void begin_close() noexcept;
  void finish_close() noexcept;
  void end(runtime::Stream::Closing how) noexcept;
  void tell_closed() noexcept;

  // Deadlines.
  void set_deadline(std::uint32_t& deadline, std::chrono::milliseconds timeout) noexcept;
  void send_ping();
  void on_pong_missing();
  void on_pong(std::string_view payload) noexcept;

  [[nodiscard]] const Limits& limits() const noexcept { return connections().options().limits; }

  const std::shared_ptr<const Options> options_;
  std::shared_ptr<Listener> listener_;
  websocket::MessageReader reader_;
  std::unique_ptr<websocket::Deflater> deflater_;
  runtime::Buffer input_;  // what waits for resume_reading()
  runtime::Buffer output_;
  // In ticks; 0: none.
  std::uint32_t ping_deadline_ = 0;
  std::uint32_t pong_deadline_ = 0;
  std::uint32_t close_deadline_ = 0;  // kClosing: the client's close frame; kLingering: the end
  std::uint32_t write_deadline_ = 0;
  std::uint32_t ping_ = 0;  // the payload of the ping that waits for its pong
  Phase phase_ = Phase::kOpen;
  bool told_ = false;  // on_closed() was called
  bool paused_ = false;
  bool has_told_ = false;  // of a message, in this read
  bool fails_ = false;     // once the application has taken what came before
  bool processing_ = false;
  bool blocked_ = false;  // the stream takes no more: EPOLLOUT is watched
  bool drain_due_ = false;
  bool input_ended_ = false;
  bool flush_due_ = false;
  bool drain_waited_ = false;  // a drain has let it linger once
};

}  // namespace data_bridge::http::ws
