// One client connection: bodies that are in files.
#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "http/h1/connection.hpp"

namespace data_bridge::http::h1 {
namespace {

// Up to here one copy is cheaper than the system call that spares it: head and file leave together.
constexpr std::uint64_t kCopied = std::uint64_t{32} * 1024;
// What is asked for, and waited for, at a time.
constexpr std::uint64_t kWindow = std::uint64_t{512} * 1024;
// So much of a file leaves in one turn: others have theirs, too, however fast this client reads.
constexpr std::uint64_t kMostPerTurn = std::uint64_t{1024} * 1024;

}  // namespace

void Connection::write_file(Exchange&, FileBody body) {
  transaction_->file = std::make_unique<FileProgress>(std::move(body));
  queue_flush();
  if (!blocked_) static_cast<void>(copy_file());
}

bool Connection::sends_file() const noexcept {
  return transaction_ != nullptr && transaction_->file != nullptr && !transaction_->answered() &&
         !transaction_->file->waits;
}

// Appends to the output what needs no sendfile(2): what stands between parts, and small ones that are in memory. True
// where there is a part that does; else the file is done, and the exchange maybe over.
bool Connection::copy_file() {
  FileProgress& file = *transaction_->file;
  const bool chunked = transaction_->framing == BodyFraming::kChunked;
  for (; file.part < file.body.parts.size(); ++file.part, file.begun = false, file.sent = 0) {
    const FileBody::Part& part = file.body.parts[file.part];
    if (!std::exchange(file.begun, true)) {
      const std::uint64_t size = part.before.size() + part.size;
      if (size == 0) continue;
      if (chunked) write_chunk_size(output_buffer(), size);
      output_buffer().append(part.before);
    }
    if (const std::uint64_t left = part.size - file.sent; left > 0) {
      if (left > kCopied || output_.size() > kCopied) return true;
      char* const room = output_buffer().reserve(left);
      const std::size_t count = runtime::read_cached(*file.body.file, part.offset + file.sent, std::span(room, left));
      output_.commit(count);
      file.sent += count;
      if (count < left) return true;
    }
    if (chunked && part.before.size() + part.size > 0) output_buffer().append("\r\n");
  }
  if (!file.body.after.empty()) {
    if (chunked) write_chunk_size(output_buffer(), file.body.after.size());
    output_buffer().append(file.body.after);
    if (chunked) output_buffer().append("\r\n");
  }
  transaction_->file.reset();
  transaction_->file_written();
  return false;
}

// As much as the client and this turn take. False where the connection is gone.
bool Connection::send_file() noexcept {
  using Status = runtime::Stream::Status;
  blocked_ = false;
  write_deadline_ = 0;
  try {
    for (std::uint64_t sent = 0; sent < kMostPerTurn;) {
      const bool sends = copy_file();
      if (phase_ == Phase::kClosed) return false;
      if (!output_.empty() && !write_output()) return false;
      if (!sends || blocked_) return true;

      FileProgress& file = *transaction_->file;
      const FileBody::Part& part = file.body.parts[file.part];
      if (file.sent == part.size) continue;
      const std::uint64_t offset = part.offset + file.sent;
      const auto size = static_cast<std::size_t>(std::min(part.size - file.sent, kWindow));
      if (offset + size > file.loaded_to && !runtime::is_cached(*file.body.file, offset, size)) {
        load_file(offset, size);
        return true;
      }
      const auto [status, count] = stream().send_file(*file.body.file, offset, size);
      if (status == Status::kBroken || status == Status::kEnded) {
        // Ended: the file has become shorter, and what was said of it does not hold.
        status == Status::kEnded ? transaction_->abort() : cut_off();
        return false;
      }
      sent += count;
      file.sent += count;
      if (status == Status::kBlocked) {
        note_progress(sent > 0);
        return true;
      }
    }
    note_progress(true);  // EPOLLOUT goes on with it in the next turn
    return true;
  } catch (...) {
    cut_off();
    return false;
  }
}

// What is not in memory is brought there by a thread that may wait for the disk; sending goes on then.
void Connection::load_file(std::uint64_t offset, std::size_t size) {
  FileProgress& file = *transaction_->file;
  transaction_->wait_for_disk([kept = file.body.file, name = transaction_->ref(), offset, size] {
    runtime::load_into_cache(*kept, offset, size);
    name.post([](Exchange& exchange) { static_cast<Transaction&>(exchange).file_loaded(); });
  });
  file.loaded_to = offset + size;
  file.waits = true;
}

void Connection::file_loaded(Exchange&) noexcept {
  if (transaction_->file == nullptr) return;
  transaction_->file->waits = false;
  flush();
}

}  // namespace data_bridge::http::h1
