// The way from Python's thread back to an exchange, wherever its connection lives.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/exchange.hpp"
#include "http/exchange_ref.hpp"

namespace data_bridge::bridge {

/// Header fields that own their bytes, in one block.
class OwnedHeaders {
 public:
  OwnedHeaders() = default;
  explicit OwnedHeaders(std::span<const http::Header> headers);
  OwnedHeaders(OwnedHeaders&&) noexcept = default;
  OwnedHeaders& operator=(OwnedHeaders&&) noexcept = default;

  [[nodiscard]] std::span<const http::Header> view() const noexcept { return headers_; }

 private:
  std::vector<char> bytes_;  // not std::string: its small buffer moves with it, and the views would not
  std::vector<http::Header> headers_;
};

/// Names one exchange and performs actions on it, on its own thread: at once where that is this
/// thread, else by a task posted to its connections. An exchange that is over is skipped, and so is one of a server
/// that is gone.
class Reply {
 public:
  Reply() = default;
  /// `local`: the connection lives on the thread that runs Python.
  Reply(const http::Exchange& exchange, bool local) : exchange_(exchange.ref()), local_(local) {}

  [[nodiscard]] bool local() const noexcept { return local_; }

  /// Runs `action(http::Exchange&)`. `action` must own what it uses unless the reply is local.
  template <typename Action>
  void perform(Action&& action) const& {
    if (!local_) {
      exchange_.post(std::forward<Action>(action));
    } else if (http::Exchange* const exchange = exchange_.find()) {
      std::forward<Action>(action)(*exchange);
    }
  }
  /// For the last action: the name goes with it.
  template <typename Action>
  void perform(Action&& action) && {
    if (local_) {
      std::as_const(*this).perform(std::forward<Action>(action));
    } else {
      std::move(exchange_).post(std::forward<Action>(action));
    }
  }
  /// On the exchange's thread: false where it is over.
  [[nodiscard]] bool waits_here() const noexcept { return exchange_.find() != nullptr; }

  /// A whole answer, and the end of this name. Copies its arguments where the exchange is on another thread.
  void respond(int status, std::span<const http::Header> headers, std::string_view body) &&;
  /// content-length and content-type, in this order.
  void respond(int status, std::string_view content_type, std::string_view body) &&;
  /// Closes the connection without completing the answer.
  void abort() const;
  /// Closes the connection behind an answer that is complete.
  void close_connection() const;

 private:
  http::ExchangeRef exchange_;
  bool local_ = true;
};

}  // namespace data_bridge::bridge
