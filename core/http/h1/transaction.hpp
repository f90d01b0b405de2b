// An exchange as HTTP/1.1 carries it: how the bodies of request and answer are framed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "http/exchange.hpp"
#include "http/h1/chunked.hpp"
#include "http/h1/response_writer.hpp"
#include "http/handler.hpp"
#include "http/protocol.hpp"
#include "runtime/buffer.hpp"

namespace data_bridge::http::h1 {

/// Borrowed from the ConnectionFactory while a request is being served: an idle connection has none.
struct Transaction final : Exchange {
  using Exchange::answer_internal_error;
  using Exchange::begin;
  using Exchange::clear;
  using Exchange::deliver;
  using Exchange::end;
  using Exchange::enter_connection_layers;
  using Exchange::forget_views;
  using Exchange::move_request;
  using Exchange::set_body;
  using Exchange::set_head_at;
  using Exchange::takes_body;
  using Exchange::tell_drained;

  // The request.
  std::unique_ptr<OwnedRequest> head_copy;  // while the body is still to come
  Handler::Scratch scratch;
  std::shared_ptr<const void> kept;       // what the scratch points to, while the body is still to come
  runtime::Buffer buffered;               // BodyMode::kBuffer, of a body that came in pieces
  std::optional<ChunkedDecoder> decoder;  // of a chunked body
  std::uint64_t remaining = 0;            // of any other
  std::uint64_t received = 0;
  std::uint64_t progress_mark = 0;  // what of `received` the deadline has been extended for
  std::uint64_t dropped = 0;        // of what came behind the answer
  std::uint32_t ticks_left = 0;     // until the deadline, while the handler does not take the body
  bool streams = false;             // BodyMode::kStream
  bool body_done = false;
  bool end_due = false;       // deliver(..., last) is still to be called, without bytes
  bool continue_due = false;  // the client waits for 100 (Continue)

  // The answer.
  bool keep_alive = true;
  BodyFraming framing = BodyFraming::kNone;
  MakeProtocol upgrade;  // with 101: who goes on
};

}  // namespace data_bridge::http::h1
