// An exchange as HTTP/1.1 carries it: how the bodies of request and answer are framed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "http/exchange.hpp"
#include "http/h1/chunked.hpp"
#include "http/h1/response_writer.hpp"
#include "http/handler.hpp"
#include "http/protocol.hpp"
#include "runtime/buffer.hpp"

namespace data_bridge::http::h1 {

/// How far write_file() has come.
struct FileProgress {
  explicit FileProgress(FileBody body_) noexcept : body(std::move(body_)) {}

  FileBody body;
  std::size_t part = 0;         // of the body's, which is at hand
  bool begun = false;           // what stands before it is written
  std::uint64_t sent = 0;       // of what is in the file
  std::uint64_t loaded_to = 0;  // the offset up to which somebody has waited for the disk
  bool waits = false;           // for the disk
};

/// Borrowed from the ConnectionFactory while a request is being served: an idle connection has none.
struct Transaction final : Exchange {
  using Exchange::answer_internal_error;
  using Exchange::begin;
  using Exchange::clear;
  using Exchange::deliver;
  using Exchange::end;
  using Exchange::enter_connection_layers;
  using Exchange::file_loaded;
  using Exchange::file_written;
  using Exchange::forget_views;
  using Exchange::move_request;
  using Exchange::set_body;
  using Exchange::set_head_at;
  using Exchange::takes_body;
  using Exchange::tell_drained;
  using Exchange::wait_for_disk;

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
  std::unique_ptr<FileProgress> file;  // what is being sent of one
  MakeProtocol upgrade;                // with 101: who goes on
};

}  // namespace data_bridge::http::h1
