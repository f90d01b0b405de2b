// One client connection that speaks HTTP/1.1: bytes in, exchanges, bytes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "http/connections.hpp"
#include "http/h1/connection_factory.hpp"
#include "http/h1/parser.hpp"
#include "http/h1/transaction.hpp"
#include "http/protocol.hpp"
#include "http/wire.hpp"
#include "runtime/buffer.hpp"
#include "runtime/late_sender.hpp"
#include "runtime/stream.hpp"

namespace data_bridge::http::h1 {

/// One request at a time: what a client sends behind it waits here, up to Limits::max_read_ahead, then in the
/// kernel. Small while idle: buffers and transaction are borrowed.
class Connection final : public Protocol, private Wire {
 public:
  Connection(ConnectionFactory& shared, Place place, std::unique_ptr<runtime::Stream> stream) noexcept;
  ~Connection() override;

  [[nodiscard]] bool open() noexcept override;
  void on_events(std::uint32_t events) noexcept override;
  void on_turn_end() noexcept override;
  void on_deadline() noexcept override;
  void drain() noexcept override;
  void close_soon(std::uint32_t asking) noexcept override;
  void cut_off() noexcept override;
  [[nodiscard]] Exchange* find(std::uint32_t generation) noexcept override;

 private:
  enum class Phase : std::uint8_t {
    kOpen,
    kFlushing,   // the last answer is on its way; what comes in is dropped
    kUpgrading,  // 101 is on its way; what comes in is not ours
    kLingering,  // our side is shut, so that an early answer is not lost by a reset (RFC 9112, 9.6)
    kClosed,     // waits for the end of the turn to be destroyed
  };

  // Wire: what the exchange being served says.
  void answer(Exchange& exchange, const AnswerHead& head, std::string_view body) override;
  void begin_answer(Exchange& exchange, const AnswerHead& head) override;
  void write(Exchange& exchange, std::string_view piece) override;
  void finish(Exchange& exchange, std::span<const Header> trailers) override;
  void write_file(Exchange& exchange, FileBody body) override;
  void file_loaded(Exchange& exchange) noexcept override;
  void abort(Exchange& exchange) noexcept override;
  void close_after(Exchange& exchange) noexcept override;
  [[nodiscard]] bool upgrade(Exchange& exchange, const AnswerHead& head, MakeProtocol& make) override;
  void refuse_upgrade(Exchange& exchange, const AnswerHead& head, std::string_view body) override;
  void flush() noexcept override;
  void flush_soon() noexcept override;
  [[nodiscard]] std::size_t unsent(const Exchange& exchange) const noexcept override;
  [[nodiscard]] bool has_room(const Exchange& exchange) const noexcept override;
  void want_body(Exchange& exchange) override;
  void pause_body(Exchange& exchange) noexcept override;
  void resume_body(Exchange& exchange) override;
  void views_dropped(Exchange& exchange) noexcept override;
  [[nodiscard]] runtime::Reactor& reactor() const noexcept override { return connections().reactor(); }
  [[nodiscard]] runtime::BlockingThreads& blocking_threads() const override { return connections().blocking_threads(); }
  [[nodiscard]] ExchangeRef ref(ExchangeId id) const override { return {connections().mailbox(), id}; }
  [[nodiscard]] const runtime::SocketAddress& client_address() const noexcept override { return stream().peer(); }
  [[nodiscard]] const runtime::SocketAddress& server_address() const noexcept override { return stream().local(); }
  [[nodiscard]] std::string server_path() const override { return stream().local_path(); }

  // Reading.
  void on_readable();
  void receive(std::string_view bytes);
  void resume();
  void resume_later() noexcept;
  [[nodiscard]] std::size_t process(std::string_view bytes);
  [[nodiscard]] std::size_t begin_request(std::string_view bytes);
  void begin_transaction(const Request& head, bool whole, bool waits_for_continue);
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
  [[nodiscard]] runtime::Buffer& output_buffer();
  [[nodiscard]] bool write_output() noexcept;
  [[nodiscard]] bool hold() noexcept;
  void take_back_held() noexcept;
  [[nodiscard]] std::size_t unsent_size() const noexcept;
  void note_progress(bool some) noexcept;
  void append(std::string_view piece);
  [[nodiscard]] bool sends_file() const noexcept;
  [[nodiscard]] bool copy_file();
  [[nodiscard]] bool send_file() noexcept;
  void load_file(std::uint64_t offset, std::size_t size);
  void send_continue();
  void tell_drained() noexcept;
  void update_interest() noexcept;
  void queue_flush() noexcept;
  void queue_resume() noexcept;

  // Endings.
  void answer_written();
  void end_transaction();
  void release_transaction() noexcept;
  void refuse(int status);
  void write_refusal(int status, std::span<const Header> headers, std::string_view body);
  [[nodiscard]] bool refuse_layered(const Pipeline& layers, int status, std::span<const Header> headers,
                                    std::string_view body);
  void fail_body(int status);
  void begin_close(bool linger);
  void finish_close() noexcept;
  void switch_protocol() noexcept;
  void break_off() noexcept;
  void close() noexcept;
  void end_idle(bool now) noexcept;

  // Deadlines.
  void on_read_timeout() noexcept;
  void set_read_deadline(std::chrono::milliseconds timeout) noexcept { set_read_deadline_at(deadline_after(timeout)); }
  void set_read_deadline_at(std::uint32_t tick) noexcept;
  void extend_body_deadline() noexcept;
  void pause_body_deadline() noexcept;
  void resume_body_deadline() noexcept;
  [[nodiscard]] std::uint32_t deadline_after(std::chrono::milliseconds timeout) const noexcept {
    return connections().deadline_after(timeout);
  }
  /// So much of a body that nobody has read.
  [[nodiscard]] bool may_drop(std::uint64_t size) const noexcept {
    return limits().max_unread_body == 0 || size <= limits().max_unread_body;
  }
  [[nodiscard]] const Limits& limits() const noexcept { return connections().options().limits; }

  ConnectionFactory& shared_;
  Transaction* transaction_ = nullptr;
  runtime::Buffer input_;  // the beginning of a head, or what waits behind a request
  runtime::Buffer output_;
  std::unique_ptr<runtime::LateSender::Held> held_;  // what was written before it
  HeadProgress progress_;
  std::uint32_t requests_ = 0;
  // In ticks; 0: none.
  std::uint32_t read_deadline_ = 0;
  std::uint32_t write_deadline_ = 0;
  std::uint32_t phase_tick_;  // kOpen: when the last request ended; kLingering: when it ends at the latest
  // Bits, since there are thousands of idle connections.
  Phase phase_ : 3 = Phase::kOpen;
  bool processing_ : 1 = false;
  bool ending_turn_ : 1 = false;  // a flush follows
  bool flush_due_ : 1 = false;
  bool resume_due_ : 1 = false;
  bool head_begun_ : 1 = false;
  bool blocked_ : 1 = false;  // the stream takes no more: EPOLLOUT is watched
  bool drain_due_ : 1 = false;
  bool sent_in_turn_ : 1 = false;  // what follows in this turn may leave together
  bool linger_ : 1 = false;
  bool input_ended_ : 1 = false;
  bool reset_ : 1 = false;
  bool drain_waited_ : 1 = false;  // a drain has let it wait once, open or lingering
  bool drain_cuts_ : 1 = false;    // it had its answer before the drain, and is cut off even if it still sends
};

}  // namespace data_bridge::http::h1
