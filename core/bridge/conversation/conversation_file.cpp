// The end of an answer that is no message with bytes: a file, trailer fields.
#include <algorithm>
#include <utility>

#include "bridge/conversation/conversation.hpp"
#include "bridge/conversation/owned_headers.hpp"
#include "http/characters.hpp"
#include "http/fields.hpp"

namespace data_bridge::bridge {
namespace {

// RFC 9110, 10.1.4: whoever sends `TE: trailers` does not drop them.
bool takes_trailers(const http::Request& request) noexcept {
  return std::ranges::any_of(request.headers, [](const http::Header& field) {
    return text::equals_lower(field.name, "te") && http::has_element(field.value, "trailers");
  });
}

}  // namespace

// --- files

void Conversation::send_file(std::string path, std::vector<http::FileBody::Part> parts, std::string after) {
  state_ = State::kSendingFile;
  {
    const std::scoped_lock lock(mutex_);
    file_.state = FileState::kOnItsWay;
  }
  const bool declared = !chunked_ && !is_head_;
  const std::uint64_t length = declared ? static_cast<std::uint64_t>(remaining_) : 0;
  perform([self = shared_from_this(), path = std::move(path), parts = std::move(parts), after = std::move(after),
           declared, length](http::Exchange& exchange) mutable {
    exchange.open_file(
        std::move(path), [self = std::move(self), parts = std::move(parts), after = std::move(after), declared, length](
                             http::Exchange& later, http::Exchange::OpenedFile opened) mutable {
          if (!opened) return self->note_file(later, {.state = FileState::kNotOpened, .error = opened.error()});
          http::FileBody body{.file = std::move(*opened), .parts = std::move(parts), .after = std::move(after)};
          self->write_file(later, std::move(body), declared ? std::optional(length) : std::nullopt);
        });
  });
}

// On the connection's thread.
void Conversation::write_file(http::Exchange& exchange, http::FileBody body, std::optional<std::uint64_t> length) {
  const std::uint64_t file_size = body.file->size;
  if (body.parts.empty()) body.parts.push_back({.before = {}, .offset = 0, .size = file_size});
  const bool has_all = std::ranges::all_of(body.parts, [file_size](const http::FileBody::Part& part) {
    return part.offset <= file_size && part.size <= file_size - part.offset;
  });
  const std::uint64_t size = body.size();
  if (length && size > *length) return note_file(exchange, {.state = FileState::kTooLong});
  if (!has_all) return note_file(exchange, {.state = FileState::kTooShort});
  const bool too_short = length && size < *length;
  file_end_ = too_short ? FileState::kTooShort : FileState::kSent;
  // What is not the end the application, or end(), goes on from.
  exchange.write_file(std::move(body), !too_short && !trailers_);
  exchange.flush();
}

// On the connection's thread: what is not the end of the answer. Whoever sent it goes on from there, if anybody is
// left.
void Conversation::note_file(http::Exchange& exchange, FileOutcome outcome) noexcept {
  bool nobody = false;
  update([&] {
    file_ = outcome;
    nobody = file_left_;
    return true;
  });
  if (nobody) exchange.abort();
}

// The application has returned while a file is on its way: true where that ends by itself.
bool Conversation::leave_file() noexcept {
  const std::scoped_lock lock(mutex_);
  file_left_ = true;
  return gone_ || file_.state == FileState::kOnItsWay || (file_.state == FileState::kSent && !trailers_);
}

Conversation::FileOutcome Conversation::file_outcome() noexcept {
  FileOutcome outcome;
  bool is_gone = false;
  {
    const std::scoped_lock lock(mutex_);
    is_gone = gone_;
    if (gone_ && file_.state == FileState::kOnItsWay) file_.state = FileState::kSent;
    outcome = file_;
    if (outcome.state == FileState::kOnItsWay) {
      awaited_ = true;
      return outcome;
    }
  }
  if (outcome.state != FileState::kSent) {
    state_ = State::kStarted;  // and not what was promised: whoever raises what is wrong breaks it off
  } else {
    state_ = trailers_ && !is_gone ? State::kTrailers : State::kComplete;
  }
  return outcome;
}

// --- trailers

void Conversation::send_trailers(std::span<const http::Header> trailers, bool more) {
  for (const http::Header& field : trailers) collected_.emplace_back(field.name, field.value);
  if (more) return;
  state_ = State::kComplete;
  if (!takes_trailers(request_.head())) collected_.clear();
  std::vector<http::Header> fields;
  for (const auto& [name, value] : collected_) fields.push_back({name, value});
  perform([self = shared_from_this(), owned = OwnedHeaders(fields)](http::Exchange& exchange) {
    self->let_go(exchange);
    exchange.finish(owned.view());
    exchange.flush();
  });
}

}  // namespace data_bridge::bridge
