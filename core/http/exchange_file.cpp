// Answers whose body is in a file.
#include <cerrno>
#include <memory>
#include <utility>

#include "http/exchange.hpp"
#include "http/wire.hpp"

namespace data_bridge::http {

void Exchange::open_file(std::string path, OnFile then) {
  OpenedFile opened = runtime::open_file(path, runtime::Waiting::kNever);
  if (opened || opened.error() != EAGAIN) return then(*this, std::move(opened));
  wait_for_disk([path = std::move(path), then = std::move(then), name = ref()]() mutable noexcept {
    name.post([opened = runtime::open_file(path, runtime::Waiting::kAllowed),
               then = std::move(then)](Exchange& exchange) mutable { then(exchange, std::move(opened)); });
  });
}

void Exchange::write_file(FileBody body, bool last) {
  if (!started_ || answered_) return;
  file_is_last_ = last;
  const std::uint64_t size = body.size();
  if (dropping_body_ || size == 0) return file_written();
  // A filter has to see the bytes, and what was declared must hold.
  if (filtered_ || (length_declared_ && size > length_remaining_)) return abort();
  if (length_declared_) length_remaining_ -= size;
  body_sent_ += size;
  wire_->write_file(*this, std::move(body));
}

void Exchange::wait_for_disk(runtime::BlockingThreads::Work work) {
  in_line_ = wire_->blocking_threads().submit(std::move(work));
}

void Exchange::file_loaded() { wire_->file_loaded(*this); }

void Exchange::file_written() {
  if (file_is_last_) return finish();
  tell_drained();
}

}  // namespace data_bridge::http
