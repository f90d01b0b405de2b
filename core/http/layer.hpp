// What stands around every answer: native middleware, one Layer each, in a Pipeline.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/request.hpp"
#include "runtime/buffer.hpp"

namespace data_bridge::http {

class Exchange;

/// An answer that a handler gave. Views are valid during the call.
struct Answered {
  std::string_view method;
  std::string_view target;  ///< as sent
  Version version = Version::kHttp11;
  std::string_view client_host;  ///< "" on a Unix socket
  std::uint16_t client_port = 0;
  int status = 0;
  std::uint64_t body_size = 0;  ///< bytes of the answer's body, as sent, before framing
  /// From the complete head to the last byte written; for the layers of a route alone, from where it is known.
  std::chrono::nanoseconds duration{};
  bool complete = true;   ///< false where the connection ended within the answer
  bool upgrade = false;   ///< of a WebSocket handshake, accepted (101) or refused
  bool reported = false;  ///< see Exchange::set_reported()
  /// X-Forwarded-For, where a layer has asked for it: what proxies say of the client.
  std::string_view forwarded_for;
};

/// The head of an answer on its way out. Names are compared without case.
class EditableHead {
 public:
  /// The fields stay the caller's, and must outlive it; so must `body`, all of it where the answer is in one piece.
  EditableHead(int status, std::span<const Header> headers, std::optional<std::string_view> body = std::nullopt)
      : status_(status), headers_(headers.begin(), headers.end()), body_(body) {}
  EditableHead(const EditableHead&) = delete;
  EditableHead& operator=(const EditableHead&) = delete;

  [[nodiscard]] int status() const noexcept { return status_; }
  /// A final one: 200 to 599.
  void set_status(int status) noexcept { status_ = status; }
  [[nodiscard]] std::span<const Header> headers() const noexcept { return headers_; }
  /// The first with this name.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
  /// Adds one behind the others; copies.
  void add(std::string_view name, std::string_view value);
  /// In place of the first with this name, without the others, or behind all; copies.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name) noexcept;

  /// The whole body, as the layers further in have left it; nullopt where it comes in pieces.
  [[nodiscard]] std::optional<std::string_view> body() const noexcept { return body_; }
  /// Another one in its place. A Content-Length among the fields is the caller's affair.
  void set_body(std::string body) { body_ = texts_.emplace_back(std::move(body)); }

 private:
  std::string_view keep(std::string_view text) { return texts_.emplace_back(text); }

  int status_;
  std::vector<Header> headers_;
  std::optional<std::string_view> body_;
  std::deque<std::string> texts_;  // what was added: a deque, so that they stay where they are
};

/// Changes the body of one answer.
class BodyFilter {
 public:
  virtual ~BodyFilter() = default;
  /// Appends to `out` what is sent for this piece, which may be nothing for now. `last` once, at the end, with or
  /// without bytes. What a handler writes is to be seen by the client: what is kept back must come with the next piece.
  virtual void filter(std::string_view piece, bool last, runtime::Buffer& out) = 0;
};

/// What a layer knows about one request, from on_request() until its answer.
class LayerState {
 public:
  virtual ~LayerState() = default;
};

/// One middleware, shared by all requests of all threads: what belongs to one of them is in its LayerState. A layer
/// that throws makes the answer a 500, or breaks it off where it has begun.
class Layer {
 public:
  /// What it is called for. Nothing costs a request anything that no layer asks for.
  struct Calls {
    bool requests = false;   ///< on_request()
    bool heads = false;      ///< on_head(), filter()
    bool answered = false;   ///< on_answered()
    bool refused = false;    ///< on_refused()
    bool forwarded = false;  ///< on_answered() wants Answered::forwarded_for
  };

  virtual ~Layer() = default;
  /// Asked once, when the pipeline is made.
  [[nodiscard]] virtual Calls calls() const noexcept = 0;

  /// Whether on_request() answers a request with this head, so that nobody need wait for its body. Called before it,
  /// for requests that have one; must say the same for the same request.
  [[nodiscard]] virtual bool answers(const Request& /*request*/) const { return false; }
  /// Before the handler, with the request's views (BodyMode::kBuffer: and its body). May leave a state. True: it
  /// answers, or has answered: nobody further in is asked, and the answer passes only those further out.
  [[nodiscard]] virtual bool on_request(Exchange& /*exchange*/, std::unique_ptr<LayerState>& /*state*/) {
    return false;
  }
  /// An answer begins, be it a refusal of the server's own; not 101. `state` is null where on_request() left none, or
  /// has not been called.
  virtual void on_head(EditableHead& /*head*/, LayerState* /*state*/) {}
  /// Behind on_head(), where the answer may have a body: who changes it. A Content-Length goes then. What has all it
  /// needs in EditableHead::body() may change that in on_head() instead.
  [[nodiscard]] virtual std::unique_ptr<BodyFilter> filter(const EditableHead& /*head*/, LayerState* /*state*/) {
    return nullptr;
  }
  /// The largest whole body that it changes while everybody waits; for whoever can have a larger one changed elsewhere.
  [[nodiscard]] virtual std::size_t largest_body(const LayerState* /*state*/) const noexcept { return SIZE_MAX; }
  /// An answer that a handler began is over.
  virtual void on_answered(const Answered& /*answered*/) noexcept {}
  /// The server has refused by itself, before or instead of a handler's answer. A client can cause as many as it likes.
  virtual void on_refused(int /*status*/) noexcept {}
};

/// Layers in their order, the outermost first. Immutable; shared by all threads.
class Pipeline {
 public:
  explicit Pipeline(std::vector<std::shared_ptr<Layer>> layers);

  struct Member {
    std::shared_ptr<Layer> layer;
    Layer::Calls calls;
  };
  [[nodiscard]] const std::vector<Member>& members() const noexcept { return members_; }
  /// What any of them is called for.
  [[nodiscard]] const Layer::Calls& calls() const noexcept { return calls_; }
  [[nodiscard]] bool sees_answers() const noexcept { return calls_.requests || calls_.heads; }
  /// Whether any of them answers a request with this head by itself; see Layer::answers().
  [[nodiscard]] bool answers(const Request& request) const;

  void answered(const Answered& answered) const noexcept;
  void refused(int status) const noexcept;

 private:
  std::vector<Member> members_;
  Layer::Calls calls_;
};

}  // namespace data_bridge::http
