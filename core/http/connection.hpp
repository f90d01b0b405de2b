// One client connection: bytes in, exchanges, bytes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/connections.hpp"
#include "http/parser.hpp"
#include "runtime/buffer.hpp"
#include "runtime/io_handler.hpp"
#include "runtime/stream.hpp"

namespace data_bridge::http {

struct Connections::PooledExchange final : Exchange {
  Handler::Scratch scratch;
  std::shared_ptr<const void> kept;  // what the scratch points to, while the body is still to come
};

/// One request at a time: what a client sends behind it waits here, up to Limits::max_read_ahead, then in the
/// kernel. Small while idle: buffers and exchange belong to Connections and are borrowed.
class Connection final : public runtime::IoHandler {
 public:
  Connection(Connections& owner, std::uint32_t slot, std::unique_ptr<runtime::Stream> stream);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// False where the Reactor refuses the stream.
  [[nodiscard]] bool open();
  void on_events(std::uint32_t events) noexcept override;

 private:
  friend class Connections;
  friend class Exchange;

  enum class Phase : std::uint8_t {
    kOpen,
    kFlushing,   // the last answer is on its way; what comes in is dropped
    kLingering,  // our side is shut, so that an early answer is not lost by a reset (RFC 9112, 9.6)
    kClosed,     // waits for the end of the turn to be destroyed
  };

  // Reading.
  void on_readable();
  void receive(std::string_view bytes);
  void resume();
  void resume_later() noexcept;
  [[nodiscard]] std::size_t process(std::string_view bytes);
  [[nodiscard]] std::size_t begin_request(std::string_view bytes);
  void begin_body(std::string_view after_head);
  [[nodiscard]] std::size_t receive_body(std::string_view bytes);
  void deliver(std::string_view piece, bool last);
  void body_complete();
  void call_handler();
  void end_of_input() noexcept;
  [[nodiscard]] bool stalled() const noexcept;
  [[nodiscard]] bool reads_on() const noexcept;
  [[nodiscard]] std::size_t room_to_read() const noexcept;

  // Writing.
  [[nodiscard]] runtime::Buffer& output();
  void append(std::string_view piece);
  void send_continue();
  void flush() noexcept;
  void update_interest() noexcept;

  // Endings.
  void answered(bool complete) noexcept;
  void end_exchange();
  void refuse(int status);
  void fail_body(int status);
  void begin_close(bool linger);
  void close_soon() noexcept;
  void finish_close() noexcept;
  void abort() noexcept;
  void peer_gone() noexcept;
  void close() noexcept;
  void on_read_timeout() noexcept;
  void on_write_timeout() noexcept;

  void set_read_deadline(std::chrono::milliseconds timeout) noexcept;
  void clear_read_deadline() noexcept;
  void extend_body_deadline() noexcept;
  void pause_body_deadline() noexcept;
  void resume_body_deadline() noexcept;
  void end_idle(bool now) noexcept;
  [[nodiscard]] const Limits& limits() const noexcept { return owner_.options_.limits; }

  Connections& owner_;
  Connections::PooledExchange* exchange_ = nullptr;
  runtime::Buffer input_;  // the beginning of a head, or what waits behind a request
  runtime::Buffer output_;
  std::unique_ptr<runtime::Stream> stream_;
  std::uint32_t slot_;
  std::uint32_t requests_ = 0;
  std::uint32_t linger_end_ = 0;  // in ticks
  HeadProgress progress_;
  Phase phase_ = Phase::kOpen;
  bool processing_ = false;
  bool flush_queued_ = false;
  bool resume_queued_ = false;
  bool head_begun_ = false;
  bool blocked_ = false;  // the kernel takes no more: EPOLLOUT is watched
  bool drain_due_ = false;
  bool linger_ = false;
  bool input_ended_ = false;
  bool reset_ = false;
  bool drain_waited_ = false;  // a drain has let it wait for its next request once
};

}  // namespace data_bridge::http
