// One request and its answer, between the thread that has its connection and the thread that answers it.
#pragma once

#include <chrono>
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
#include "runtime/reactor.hpp"
#include "runtime/socket.hpp"

namespace data_bridge::bridge {

/// All that two threads share of a request: a copy of it, its body as it comes, whether its client is there and has
/// room for more, its deadline, and the state of its answer. It knows nothing of Python.
///
/// Both threads may be one (`local`). Both hold it; the connection's side lets go when the exchange is over. What is
/// written goes to the exchange by its name, at once where that is on this thread, else by a task posted to it.
class Conversation : public http::ExchangeListener, public std::enable_shared_from_this<Conversation> {
 public:
  /// uvicorn's flow-control limit, bytes: reading pauses above it, and so does writing to another thread.
  static constexpr std::size_t kHighWater = 64 * 1024;

  /// How the request's body reaches the application.
  enum class Body : std::uint8_t {
    kWhole,   ///< it came with the exchange, or there is none
    kStream,  ///< as it comes, from now on
    kLater,   ///< as it comes, from open() on
  };

  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // --- the connection's thread --------------------------------------------------------------------
  /// Listens to `exchange`, which this was made of, as far as its body wants it. Once. With a `timeout` but 0 the
  /// exchange is over then, unless it is answered: with 503 where no answer has begun, else it breaks off. The
  /// application's side is woken, whatever it waits for.
  void begin(http::Exchange& exchange, std::chrono::milliseconds timeout);

  void on_body(http::Exchange& exchange, std::string_view piece, bool last) override;
  void on_closed(http::Exchange& exchange, http::ExchangeEnd end) noexcept override;
  void on_drained(http::Exchange& exchange) override;

  // --- both ---------------------------------------------------------------------------------------
  [[nodiscard]] bool local() const noexcept { return local_; }
  [[nodiscard]] const http::OwnedRequest& request() const noexcept { return request_; }
  /// Where the body came in later than the head: when the head was there.
  [[nodiscard]] std::optional<runtime::Clock::time_point> head_at() const noexcept { return head_at_; }
  [[nodiscard]] const runtime::SocketAddress& client() const noexcept { return client_; }
  [[nodiscard]] const runtime::SocketAddress& server() const noexcept { return server_; }
  /// Of a Unix socket.
  [[nodiscard]] const std::string& server_path() const noexcept { return server_path_; }

  // --- the application's thread: the request --------------------------------------------------------
  /// The exchange is over, before or without the application's whole answer: nobody is there any more.
  [[nodiscard]] bool gone() const noexcept;
  /// gone() by its deadline.
  [[nodiscard]] bool expired() const noexcept;
  /// From now on receive() and send() may be used. Where it was not called, gone() alone is known.
  void open();
  enum class Received : std::uint8_t { kNothing, kBody, kDisconnect };
  /// Takes what has arrived since the last call. kBody also once for the end of an empty body; kDisconnect once the
  /// exchange is gone or its answer complete. After kNothing wake() is called for the next change.
  Received receive(std::string& body, bool& more_body);

  // --- the application's thread: the answer ---------------------------------------------------------
  enum class State : std::uint8_t {
    kWaiting,
    kStarted,
    kSendingFile,  ///< send_file()
    kTrailers,     ///< the body is complete, and trailers are to come
    kComplete,
  };
  [[nodiscard]] State state() const noexcept { return state_; }
  enum class Room : std::uint8_t {
    kYes,
    kNo,    ///< more than the client's connection takes is on its way: wait for wake() before the next piece
    kGone,  ///< as gone(): what is sent is dropped
  };
  /// Before a piece is sent.
  [[nodiscard]] Room room_to_send() noexcept;
  /// room_to_send() is kNo, for one who does not wait for it.
  [[nodiscard]] bool send_paused() const noexcept;
  /// What is larger should be answered by the application with its own middleware, which knows how not to be in the
  /// way of others.
  [[nodiscard]] std::size_t largest_body() const noexcept { return largest_body_; }
  /// What is answered has passed Python's own middleware: not that of the exchange's route, too.
  void leave_layers();
  /// The access log has its line already. Before the answer.
  void note_reported();
  /// Behind the whole answer that comes next something runs, which may yet fail, and for which it does not wait.
  void expect_more() noexcept { expects_more_ = true; }
  /// A whole answer, at most one, and nothing before or behind it.
  void respond(int status, std::span<const http::Header> headers, std::string_view body);
  /// The common case: content-length and content-type, in this order.
  void respond(int status, std::string_view content_type, std::string_view body);
  /// An answer begins, even if its head should turn out to be none.
  void announce_start() noexcept;
  /// The head of an answer in pieces. `content_length` as among `headers`. With `trailers` the answer is complete by
  /// send_trailers().
  void start(int status, std::span<const http::Header> headers, std::optional<std::int64_t> content_length,
             bool trailers = false);
  enum class Sent : std::uint8_t {
    kGood,
    kTooLong,   ///< not sent: more than content_length
    kTooShort,  ///< sent, and the last, but less than content_length
  };
  /// A piece of the body; without `more_body` it is the last.
  Sent send(std::string_view piece, bool more_body);
  /// The whole body: a regular file, or these parts of it. It leaves on the connection's thread.
  void send_file(std::string path, std::vector<http::FileBody::Part> parts, std::string after);
  enum class FileState : std::uint8_t {
    kNone,
    kOnItsWay,   ///< wake() is called at the next change
    kSent,       ///< or its client has left
    kNotOpened,  ///< nothing was sent
    kTooLong,    ///< not sent: more than content_length
    kTooShort,   ///< less than content_length, or than it was
  };
  struct FileOutcome {
    FileState state = FileState::kNone;
    int error = 0;  ///< an `errno`, of kNotOpened
  };
  /// Of send_file().
  [[nodiscard]] FileOutcome file_outcome() noexcept;
  /// What stands behind the body; without `more` the answer is complete.
  void send_trailers(std::span<const http::Header> trailers, bool more);

  /// What ASGI lets a client expect of an application that has returned, and is not there.
  enum class Breach : std::uint8_t { kNone, kNotStarted, kNotCompleted };
  [[nodiscard]] Breach breach() const noexcept;
  /// How the application's run for this request was over.
  enum class Ending : std::uint8_t {
    kReturned,
    kRaised,
    kUnlawful,  ///< with what ASGI does not allow
  };
  /// Nothing runs any more that could answer: the one place where an answer ends that is not complete. As uvicorn's
  /// run_asgi(): where none has begun 500, or no answer at all behind an unlawful end; a broken-off answer where one
  /// has; and behind a complete one the connection closes unless the application has returned.
  void end(Ending ending);

 protected:
  /// Copies the request. `local`: the connection lives on the thread that answers.
  Conversation(http::Exchange& exchange, Body body, bool local);
  virtual ~Conversation() = default;

  /// What was waited for may have come, or the deadline: have woken() called on the application's thread. On the
  /// connection's thread, and not again before woken().
  virtual void wake() noexcept = 0;
  void woken() noexcept;

 private:
  [[nodiscard]] http::ExchangeRef last_name() noexcept;
  void flush_before_more(http::Exchange& exchange) const noexcept;
  /// Runs `action(http::Exchange&)` on the exchange's thread, unless the exchange is over: at once where that is this
  /// thread. `action` must own what it uses, and keep this where it uses that, unless the exchange is local.
  template <typename Action>
  void perform(Action&& action) {
    if (!local_) {
      exchange_.post(std::forward<Action>(action));
    } else if (http::Exchange* const exchange = exchange_.find()) {
      std::forward<Action>(action)(*exchange);
    }
  }
  void listen(http::Exchange& exchange);
  void set_deadline(http::Exchange& exchange, runtime::Clock::time_point when);
  void forget_deadline() noexcept;
  void let_go(http::Exchange& exchange) noexcept;
  void note_written(const http::Exchange& exchange, std::size_t from_afar) noexcept;
  void write(std::string_view piece, bool last);
  void write_file(http::Exchange& exchange, http::FileBody body, std::optional<std::uint64_t> length);
  void note_file(http::Exchange& exchange, FileOutcome outcome) noexcept;
  [[nodiscard]] bool leave_file() noexcept;
  void write_to(http::Exchange& exchange, std::string_view piece, bool last);
  void expire(const http::ExchangeRef& exchange);
  /// Runs `change` under the lock; where it says so, whoever waits is woken.
  template <typename Change>
  void update(Change&& change) {
    {
      const std::scoped_lock lock(mutex_);
      if (!change() || (!awaited_ && !expired_) || waking_) return;
      waking_ = true;
    }
    wake();
  }
  [[nodiscard]] bool paused_locked() const noexcept;

  // From the beginning on.
  const http::OwnedRequest request_;
  const std::optional<runtime::Clock::time_point> head_at_;
  const runtime::SocketAddress client_;
  const runtime::SocketAddress server_;
  const std::string server_path_;
  const Body body_;
  const bool local_;
  const bool has_layers_;
  const std::size_t largest_body_;

  // The connection's thread's.
  std::shared_ptr<Conversation> exchange_side_;  // while the exchange tells this of its events
  runtime::Reactor* deadline_reactor_ = nullptr;
  runtime::TimerId deadline_;
  FileState file_end_ = FileState::kSent;  // of send_file(), where it is not the end of the answer

  // The application's thread's.
  http::ExchangeRef exchange_;
  std::int64_t remaining_ = 0;  // of a declared content-length
  State state_ = State::kWaiting;
  bool is_head_;
  bool wants_continue_;
  bool chunked_ = false;
  bool expects_more_ = false;
  bool trailers_ = false;                                       // are announced; from start() on, for both threads
  std::vector<std::pair<std::string, std::string>> collected_;  // of send_trailers()
  bool whole_body_ = false;                                     // that of request_ is to be received
  bool opened_;

  mutable std::mutex mutex_;  // guards all below
  std::string pending_;
  std::size_t in_transit_ = 0;  // bytes that were sent and the connection's thread has not written yet
  bool awaited_ = false;        // somebody has waited; until then nobody need be told
  bool waking_ = false;
  bool arrived_ = false;
  bool last_ = false;
  bool gone_ = false;
  bool expired_ = false;
  bool reading_paused_ = false;
  bool write_paused_ = false;
  FileOutcome file_;
  bool file_left_ = false;  // nobody waits for that
};

}  // namespace data_bridge::bridge
