// Reads multipart/form-data (RFC 7578) as it comes in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "forms/part_head.hpp"
#include "forms/reading.hpp"

namespace data_bridge::forms {

/// Told of the parts of a form, in their order.
class PartSink {
 public:
  /// A part begins. `text`: its head as it came, with the empty line behind it.
  virtual void on_part(PartHead head, std::string_view text) = 0;
  /// Some of its data, never empty.
  virtual void on_data(std::string_view data) = 0;
  virtual void on_part_end() = 0;

 protected:
  ~PartSink() = default;
};

/// Keeps no more than a head, or what may be the beginning of a delimiter.
class MultipartReader {
 public:
  MultipartReader(std::string_view boundary, Limits limits);

  /// The next piece of the body; not behind kIrregular.
  Status feed(std::string_view piece, PartSink& sink);
  /// The end of the last part was read: what follows is an epilogue, which counts for nothing.
  [[nodiscard]] bool complete() const noexcept { return state_ == State::kEpilogue; }
  /// What was fed, and is no part of what the sink was told: behind it in the body.
  [[nodiscard]] std::string_view held() const noexcept { return held_; }
  /// The first delimiter was read.
  [[nodiscard]] bool opened() const noexcept { return opened_; }
  /// CRLF, two hyphens and the boundary. It was read behind each part that has ended, and before the first one without
  /// its CRLF; CRLF is between it and a head.
  [[nodiscard]] std::string_view delimiter() const noexcept { return delimiter_; }

 private:
  enum class State : std::uint8_t { kOpening, kHead, kData, kEpilogue, kIrregular };

  std::size_t consume(std::string_view input, PartSink& sink);
  std::size_t consume_opening(std::string_view input);
  std::size_t consume_head(std::string_view input, PartSink& sink);
  std::size_t consume_data(std::string_view input, PartSink& sink);
  bool give_data(std::string_view data, PartSink& sink);
  std::size_t refuse() noexcept;

  std::string delimiter_;
  Limits limits_;
  State state_ = State::kOpening;
  std::string held_;
  bool opened_ = false;
  bool is_file_ = false;
  std::size_t part_size_ = 0;
  std::size_t files_ = 0;
  std::size_t fields_ = 0;
};

}  // namespace data_bridge::forms
