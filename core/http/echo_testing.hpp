// For tests: the smallest protocol that a connection can be upgraded to.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/connections.hpp"
#include "http/protocol.hpp"

namespace data_bridge::http {

/// Sends back what it gets. Silent for Limits::idle_timeout, it says "timeout" and closes; at a drain it says "bye".
class Echo final : public Protocol {
 public:
  /// Counts those that live.
  static inline int alive = 0;

  Echo(Place place, std::unique_ptr<runtime::Stream> stream, runtime::Buffer rest)
      : Protocol(place, std::move(stream)), output_(std::move(rest)) {
    ++alive;
  }
  ~Echo() override { --alive; }

  [[nodiscard]] bool open() noexcept override {
    listen_on();
    if (!output_.empty()) call_at_turn_end();
    return stream().watch(EPOLLIN, *this);
  }
  void on_events(std::uint32_t events) noexcept override {
    if ((events & EPOLLOUT) != 0) flush();
    if (closed() || (events & ~std::uint32_t{EPOLLOUT}) == 0) return;
    std::array<char, 4096> bytes;
    const auto [status, count] = stream().read(bytes);
    if (status == runtime::Stream::Status::kEnded || status == runtime::Stream::Status::kBroken) return cut_off();
    listen_on();
    say({bytes.data(), count});
  }
  void on_turn_end() noexcept override { flush(); }
  void on_deadline() noexcept override {
    if (!connections().is_due(deadline_)) return wake_at(deadline_);
    say("timeout");
    close_soon();
  }
  void drain() noexcept override {
    if (closing_) return;
    say("bye");
    close_soon();
  }
  void close_soon(std::uint32_t asking) noexcept override {
    if (asking == generation()) close_soon();
  }
  void cut_off() noexcept override { leave(runtime::Stream::Closing::kOrderly); }

 private:
  void close_soon() noexcept {
    closing_ = true;
    call_at_turn_end();
  }
  void listen_on() noexcept {
    deadline_ = connections().deadline_after(connections().options().limits.idle_timeout);
    wake_at(deadline_);
  }
  void say(std::string_view text) {
    output_.append(text);
    call_at_turn_end();
  }
  void flush() noexcept {
    if (closed()) return;
    if (!output_.empty()) {
      const std::string_view bytes = output_.view();
      const auto [status, count] = stream().write({&bytes, 1});
      if (status == runtime::Stream::Status::kBroken) return cut_off();
      output_.consume(count);
    }
    if (closing_ && output_.empty()) return cut_off();
    if (!stream().set_interest(EPOLLIN | (output_.empty() ? 0U : std::uint32_t{EPOLLOUT}))) cut_off();
  }

  runtime::Buffer output_;
  std::uint32_t deadline_ = 0;
  bool closing_ = false;
};

inline std::unique_ptr<Protocol> make_echo(Protocol::Place place, std::unique_ptr<runtime::Stream> stream,
                                           runtime::Buffer rest) {
  return std::make_unique<Echo>(place, std::move(stream), std::move(rest));
}

}  // namespace data_bridge::http
