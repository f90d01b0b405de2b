// One WebSocket connection, from its handshake on, between the thread that has it and the application's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/exchange.hpp"
#include "http/exchange_ref.hpp"
#include "http/request.hpp"
#include "http/ws/connection.hpp"
#include "http/ws/handshake.hpp"
#include "http/ws/options.hpp"
#include "runtime/socket.hpp"
#include "websocket/frame.hpp"

namespace data_bridge::bridge {

/// All that two threads share of a WebSocket connection: its handshake, messages on their way in, whether the client is
/// there and has room for more, and how it ended. It knows nothing of Python.
///
/// Both threads may be one (`local`). The exchange, then the connection, hold it as their listener, and the
/// application's side holds it; what the application does goes to the connection by a task that keeps this alive.
class WebSocketConversation : public http::ExchangeListener,
                              public http::ws::Listener,
                              public std::enable_shared_from_this<WebSocketConversation> {
 public:
  /// As Conversation's: bytes that wait above which reading pauses, and so does writing to another thread.
  static constexpr std::size_t kHighWater = 64 * 1024;

  WebSocketConversation(const WebSocketConversation&) = delete;
  WebSocketConversation& operator=(const WebSocketConversation&) = delete;

  // --- the connection's thread --------------------------------------------------------------------
  /// Listens to `exchange`, which this was made of. Once.
  void begin(http::Exchange& exchange);

  void on_body(http::Exchange& /*exchange*/, std::string_view /*piece*/, bool /*last*/) override {}
  void on_closed(http::Exchange& exchange, http::ExchangeEnd end) noexcept override;
  void on_drained(http::Exchange& /*exchange*/) override {}

  void on_open(http::ws::Connection& connection) override;
  [[nodiscard]] bool on_message(http::ws::Connection& connection, websocket::Opcode kind, std::string payload) override;
  void on_messages_end(http::ws::Connection& connection) override;
  [[nodiscard]] bool on_failing(http::ws::Connection& connection, bool behind_messages) override;
  void on_closing(http::ws::Connection& connection, const websocket::Close& close, http::ws::Cause cause) override;
  void on_drained(http::ws::Connection& connection) override;
  void on_closed() noexcept override;

  // --- both ---------------------------------------------------------------------------------------
  [[nodiscard]] bool local() const noexcept { return local_; }
  [[nodiscard]] const runtime::SocketAddress& client() const noexcept { return client_; }
  [[nodiscard]] const runtime::SocketAddress& server() const noexcept { return server_; }
  /// Of a Unix socket.
  [[nodiscard]] const std::string& server_path() const noexcept { return server_path_; }

  // --- the application's thread ---------------------------------------------------------------------
  /// Until forget_request().
  [[nodiscard]] const http::Request& request() const noexcept { return request_->head(); }
  /// It is not needed any more: a connection may live for days.
  void forget_request() noexcept { request_.reset(); }

  /// What the application hears, in this order: a message of its client, or that no more will come.
  struct Event {
    enum class Kind : std::uint8_t { kText, kBinary, kDisconnect };
    Kind kind = Kind::kDisconnect;
    std::string text{};           ///< the message; of a disconnect the reason
    std::int64_t code = 0;        ///< of a disconnect
    bool has_reason = false;      ///< of a disconnect: somebody gave one, be it ""
    bool by_close_frame = false;  ///< of a disconnect: the TCP connection goes behind it
    bool awaited = false;         ///< it ended a wait
  };
  /// The next event; nothing: wake() is called for it.
  [[nodiscard]] std::optional<Event> receive();

  /// How far the application has come.
  enum class State : std::uint8_t {
    kConnecting,  ///< the handshake waits for its answer
    kDenying,     ///< an answer other than 101 has begun
    kOpen,
    kClosed,  ///< nothing may be sent any more
  };
  [[nodiscard]] State state() const noexcept;
  /// The TCP connection is gone, as far as the application can know: it has heard of the end, or was not told yet.
  [[nodiscard]] bool gone() const noexcept;
  /// The client has closed the connection, or the server ends: no message arrives any more.
  [[nodiscard]] bool closing() const noexcept;
  /// More than the client's connection takes is on its way: wait for wake() before the next message.
  [[nodiscard]] bool send_paused() const noexcept;
  /// send_paused(), asked by one who will wait.
  [[nodiscard]] bool must_wait_to_send() noexcept;

  /// Answers with 101: `headers` are the application's, behind the server's own.
  void accept(std::span<const http::Header> headers, std::string_view subprotocol);
  /// Answers with 403; code and reason have no place in HTTP.
  void refuse();
  /// An answer of the application's own begins; it is complete with deny().
  void begin_denial(int status, std::vector<std::pair<std::string, std::string>> headers);
  /// A piece of its body.
  void deny(std::string_view piece, bool more_body);
  void send(websocket::Opcode kind, std::string_view payload);
  /// `code` may be sent, `reason` fits.
  void close(std::uint16_t code, std::string_view reason);
  /// Nothing runs any more that could send: the one place where a connection ends that the application did not close.
  /// 500 where nothing has been answered, else the TCP connection ends.
  void end();

 protected:
  /// Copies the request. `local`: the connection lives on the application's thread.
  WebSocketConversation(http::Exchange& exchange, http::ws::Handshake handshake,
                        std::shared_ptr<const http::ws::Options> options, bool local);
  ~WebSocketConversation() override = default;

  /// What was waited for may have come: have woken() called on the application's thread. Not again before woken().
  /// On the connection's thread, or the application's.
  virtual void wake() noexcept = 0;
  void woken() noexcept;

 private:
  class Opening;
  struct Unsent {
    websocket::Opcode kind;
    std::string payload;
  };

  template <typename Action>
  void perform(Action&& action);
  template <typename Change>
  void update(Change&& change);
  void answer(int status, std::vector<std::pair<std::string, std::string>> headers, std::string body);
  void switch_protocol(http::Exchange& exchange, std::span<const http::Header> headers, std::string_view subprotocol);
  void send_here(websocket::Opcode kind, std::string_view payload);
  void close_here(std::uint16_t code, std::string_view reason);
  void finish_here() noexcept;
  void note_written(std::size_t from_afar) noexcept;
  void flush_here() noexcept;
  void resume_reading();
  void push_locked(Event event);
  void add_locked(Event event);
  [[nodiscard]] bool has_room_locked() const noexcept;
  [[nodiscard]] bool paused_locked() const noexcept;
  void wake_if_due(bool due) noexcept;

  // From the beginning on.
  const runtime::SocketAddress client_;
  const runtime::SocketAddress server_;
  const std::string server_path_;
  const http::ws::Handshake handshake_;
  const std::shared_ptr<const http::ws::Options> options_;
  const bool local_;
  const http::ExchangeRef exchange_;

  // The connection's thread's.
  std::shared_ptr<WebSocketConversation> exchange_side_;  // while the exchange tells this of its events
  http::ws::Connection* connection_ = nullptr;
  std::vector<Unsent> unsent_;  // while 101 is on its way
  std::size_t unsent_size_ = 0;
  std::optional<websocket::Close> unsent_close_;
  bool upgrading_ = false;
  bool finish_due_ = false;

  // The application's thread's.
  std::unique_ptr<const http::OwnedRequest> request_;
  int denial_status_ = 0;
  std::vector<std::pair<std::string, std::string>> denial_headers_;
  std::string denial_body_;

  mutable std::mutex mutex_;  // guards all below
  std::vector<Event> events_;
  std::size_t next_event_ = 0;    // of events_
  std::size_t published_ = 0;     // of events_: the application sees what one read has brought at once
  std::size_t waiting_size_ = 0;  // bytes of messages in there
  std::size_t in_transit_ = 0;    // bytes that were sent and the connection's thread has not written yet
  State state_ = State::kConnecting;
  bool accepted_ = false;
  bool awaited_ = false;    // somebody has waited; until then nobody need be told
  bool receiving_ = false;  // somebody waits for the next event
  bool waking_ = false;
  bool closing_ = false;
  bool gone_ = false;
  // The application has made the end, or goes on with what came before the connection went: to it, it is not gone
  // before the next turn.
  bool told_ = false;
  bool write_paused_ = false;
  bool reading_paused_ = false;
  bool failure_waits_ = false;  // for the application to have taken all that came before
};

}  // namespace data_bridge::bridge
