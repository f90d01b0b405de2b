// Finds delimiters across pieces, and copies nothing but what it must hold.
#include "forms/multipart_reader.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace data_bridge::forms {
namespace {

/// Of a part, with all its fields.
constexpr std::size_t kMaxHead = 4096;

/// The length of the longest end of `input` that `pattern` begins with.
std::size_t partial_match(std::string_view input, std::string_view pattern) noexcept {
  std::string_view end = input.substr(input.size() - std::min(input.size(), pattern.size() - 1));
  while (!end.empty()) {
    end.remove_prefix(std::min(end.find(pattern.front()), end.size()));
    if (pattern.starts_with(end)) return end.size();
    end.remove_prefix(1);
  }
  return 0;
}

}  // namespace

MultipartReader::MultipartReader(std::string_view boundary, Limits limits) : limits_(limits) {
  delimiter_.append("\r\n--").append(boundary);
}

Status MultipartReader::feed(std::string_view piece, PartSink& sink) {
  // What is held is joined with a little of the piece at a time, until what is held then is all of the piece.
  const std::size_t step = std::max<std::size_t>(delimiter_.size() + 2, 512);
  while (!held_.empty() && !piece.empty() && state_ != State::kIrregular) {
    const std::size_t taken = std::min(step, piece.size());
    held_.append(piece.substr(0, taken));
    held_.erase(0, consume(held_, sink));
    if (held_.size() <= taken && state_ != State::kIrregular) {
      piece.remove_prefix(taken - held_.size());
      held_.clear();
    } else {
      piece.remove_prefix(taken);
    }
  }
  if (held_.empty() && state_ != State::kIrregular) piece.remove_prefix(consume(piece, sink));
  held_.append(piece);
  return state_ == State::kIrregular ? Status::kIrregular : Status::kMore;
}

/// How much of `input` was understood; the rest has to wait for more.
std::size_t MultipartReader::consume(std::string_view input, PartSink& sink) {
  std::size_t done = 0;
  while (true) {
    const State before = state_;
    const std::string_view rest = input.substr(done);
    switch (state_) {
      case State::kOpening:
        done += consume_opening(rest);
        break;
      case State::kHead:
        done += consume_head(rest, sink);
        break;
      case State::kData:
        done += consume_data(rest, sink);
        break;
      case State::kEpilogue:
        return input.size();
      case State::kIrregular:
        return done;
    }
    if (state_ == before) return done;
  }
}

std::size_t MultipartReader::refuse() noexcept {
  state_ = State::kIrregular;
  return 0;
}

std::size_t MultipartReader::consume_opening(std::string_view input) {
  const std::string_view opening = std::string_view(delimiter_).substr(2);
  constexpr std::string_view kEnd = "\r\n";
  const std::string_view end = input.substr(std::min(opening.size(), input.size()));
  if (!opening.starts_with(input.substr(0, opening.size())) || !kEnd.starts_with(end.substr(0, kEnd.size()))) {
    return refuse();
  }
  if (end.size() < kEnd.size()) return 0;
  opened_ = true;
  state_ = State::kHead;
  return opening.size() + kEnd.size();
}

std::size_t MultipartReader::consume_head(std::string_view input, PartSink& sink) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  if (input.starts_with("\r\n")) return refuse();  // no fields at all
  const std::size_t end = input.substr(0, kMaxHead).find(kEnd);
  if (end == std::string_view::npos) return input.size() < kMaxHead ? 0 : refuse();
  std::optional<PartHead> head = read_part_head(input.substr(0, end + 2));
  if (!head) return refuse();
  is_file_ = head->filename.has_value();
  if (is_file_ ? ++files_ > limits_.max_files : ++fields_ > limits_.max_fields) return refuse();
  part_size_ = 0;
  state_ = State::kData;
  sink.on_part(*std::move(head), input.substr(0, end + kEnd.size()));
  return end + kEnd.size();
}

bool MultipartReader::give_data(std::string_view data, PartSink& sink) {
  part_size_ += data.size();
  if (!is_file_ && part_size_ > limits_.max_part_size) {
    refuse();
    return false;
  }
  if (!data.empty()) sink.on_data(data);
  return true;
}

std::size_t MultipartReader::consume_data(std::string_view input, PartSink& sink) {
  const std::size_t found = input.find(delimiter_);
  if (found == std::string_view::npos) {
    const std::size_t size = input.size() - partial_match(input, delimiter_);
    return give_data(input.substr(0, size), sink) ? size : 0;
  }
  const std::string_view next = input.substr(found + delimiter_.size(), 2);
  const bool goes_on = std::string_view("\r\n").starts_with(next);
  if (!goes_on && !std::string_view("--").starts_with(next)) return refuse();  // padding, or data after all
  if (!give_data(input.substr(0, found), sink)) return 0;
  if (next.size() < 2) return found;
  sink.on_part_end();
  state_ = goes_on ? State::kHead : State::kEpilogue;
  return found + delimiter_.size() + 2;
}

}  // namespace data_bridge::forms
