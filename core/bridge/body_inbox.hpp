// What a client sends while an ASGI application runs, between the connection's thread and Python's.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "bridge/reply.hpp"
#include "http/exchange.hpp"
#include "pyloop/loop.hpp"
#include "pyloop/mailbox.hpp"

namespace data_bridge::bridge {

/// Told on Python's thread, with the GIL, that the inbox has changed.
class InboxReader {
 public:
  virtual void on_inbox() noexcept = 0;

 protected:
  ~InboxReader() = default;
};

/// Collects body pieces, the disconnect and the state of the send buffer of one exchange. Both
/// sides hold it; the exchange's side lets go when the exchange is finished or gone.
class BodyInbox final : public http::ExchangeListener,
                        public pyloop::PythonWork,
                        public std::enable_shared_from_this<BodyInbox> {
 public:
  /// uvicorn's flow-control limit, bytes: reading pauses above it.
  static constexpr std::size_t kHighWater = 64 * 1024;

  /// `local`: the connection lives on the loop's thread, which then outlives it.
  BodyInbox(pyloop::LoopCore& loop, bool local) noexcept : loop_(local ? &loop : nullptr), mailbox_(loop.mailbox()) {}

  // --- the connection's thread --------------------------------------------------------------------
  /// Starts listening; the inbox keeps itself alive until the exchange is over.
  void attach(http::Exchange& exchange);
  /// Stops listening: the exchange is about to be finished. Safe to call twice.
  void detach(http::Exchange& exchange) noexcept;
  /// The exchange is gone already.
  void disconnect() noexcept;
  /// To be called after a write; `from_afar` bytes of it were announced by note_sent().
  void note_written(const http::Exchange& exchange, std::size_t from_afar) noexcept;

  void on_body(http::Exchange& exchange, std::string_view piece, bool last) override;
  void on_closed(http::Exchange& exchange, http::ExchangeEnd end) noexcept override;
  void on_drained(http::Exchange& exchange) override;

  // --- before the exchange is attached ------------------------------------------------------------
  /// For an exchange whose whole body was buffered, or that has none.
  void set_whole_body(std::string_view body);

  // --- Python's thread ----------------------------------------------------------------------------
  enum class Received : std::uint8_t { kNothing, kBody, kDisconnect };
  /// Takes what has arrived since the last call. kBody also once for the end of an empty body. After kNothing the
  /// reader is told of the next change.
  Received receive(std::string& body, bool& more_body);
  [[nodiscard]] bool disconnected() const noexcept;
  [[nodiscard]] bool write_paused() const noexcept;
  /// So many bytes are on their way to a connection on another thread, and count as unsent.
  void note_sent(std::size_t bytes) noexcept;
  /// As write_paused(), for one who waits where it is so: the reader will be told when that has changed.
  [[nodiscard]] bool must_wait_to_write() noexcept;
  /// True once after reading was paused and all that had arrived was taken.
  bool take_resume_wish() noexcept;
  void set_reader(InboxReader* reader) noexcept { reader_ = reader; }
  void run() noexcept override;
  void drop() noexcept override;

 private:
  void wake() noexcept;
  std::shared_ptr<BodyInbox> leave_queue() noexcept;

  pyloop::LoopCore* loop_;  // null where the connection lives on another thread
  std::shared_ptr<pyloop::LoopMailbox> mailbox_;
  InboxReader* reader_ = nullptr;             // Python's thread only
  std::shared_ptr<BodyInbox> exchange_side_;  // the connection's thread only
  mutable std::mutex mutex_;                  // guards all below
  std::shared_ptr<BodyInbox> queued_;         // keeps this alive while it is queued as work
  std::string pending_;
  bool awaited_ = false;  // somebody has waited in receive() or send(); until then nobody need be told
  bool arrived_ = false;
  bool last_ = false;
  bool disconnected_ = false;
  bool reading_paused_ = false;
  bool write_paused_ = false;
  std::size_t in_transit_ = 0;  // bytes that Python has sent and the connection's thread has not written yet
};

}  // namespace data_bridge::bridge
