// From a client's bytes to messages and control frames (RFC 6455, 5; RFC 7692, 6.2).
#include "websocket/message_reader.hpp"

#include <algorithm>
#include <utility>

namespace data_bridge::websocket {
namespace {

constexpr unsigned kFin = 0x80;
constexpr unsigned kRsv1 = 0x40;
constexpr unsigned kReserved = 0x70;
constexpr unsigned kMasked = 0x80;
// A declared length is trusted with this much memory before its bytes are there.
constexpr std::uint64_t kTrustedLength = std::uint64_t{256} * 1024;
// Of a message that is done: more is given back.
constexpr std::size_t kSpareText = 1024;

std::string_view view_of(std::span<char> bytes) noexcept { return {bytes.data(), bytes.size()}; }

}  // namespace

MessageReader::MessageReader(const ReaderOptions& options) : max_size_(options.max_size), deflate_(options.deflate) {}

bool MessageReader::fail(std::uint16_t code, std::string reason) {
  failed_ = true;
  failure_ = {.code = code, .reason = std::move(reason)};
  return false;
}

void MessageReader::forget_event() noexcept {
  payload_ = {};
  if (!in_payload_) control_.clear();
  if (!std::exchange(message_done_, false)) return;
  if (message_.capacity() > kSpareText) {
    std::string().swap(message_);
  } else {
    message_.clear();
  }
}

std::string MessageReader::take_payload() {
  if (message_done_ && payload_.data() == message_.data()) {
    payload_ = {};
    return std::exchange(message_, {});
  }
  return std::string(payload_);
}

void MessageReader::sleep() {
  if (inflater_ != nullptr) inflater_->sleep();
}

MessageReader::Event MessageReader::next(std::span<char>& input) {
  forget_event();
  while (!failed_) {
    if (!in_payload_) {
      if (!take_head(input)) return failed_ ? Event::kFailed : Event::kNone;
      in_payload_ = true;
    }
    if (input.empty() && left_ > 0) return Event::kNone;
    const Event event = take_payload_of(input);
    if (event != Event::kNone || left_ > 0) return failed_ ? Event::kFailed : event;
  }
  return Event::kFailed;
}

// True once the head is complete, and allowed.
bool MessageReader::take_head(std::span<char>& input) {
  while (true) {
    std::size_t wanted = 2;
    if (head_size_ >= 2) {
      const unsigned length = head_[1] & 0x7fU;
      wanted += 4 + (length == 126 ? 2U : length == 127 ? 8U : 0U);
    }
    if (head_size_ == wanted && wanted > 2) break;
    if (input.empty()) return false;
    const std::size_t count = std::min(input.size(), wanted - head_size_);
    std::copy_n(input.begin(), count, head_.begin() + head_size_);
    input = input.subspan(count);
    head_size_ = static_cast<std::uint8_t>(head_size_ + count);
    if (head_size_ == 2) {
      // What the first two bytes have wrong is said before the others come.
      if (!is_known(head_[0] & 0x0fU)) return fail_protocol("invalid opcode");
      if ((head_[1] & kMasked) == 0) return fail_protocol("incorrect masking");  // RFC 6455, 5.1
    }
  }
  std::size_t at = 2;
  length_ = head_[1] & 0x7fU;
  const std::size_t length_bytes = length_ == 126 ? 2 : length_ == 127 ? 8 : 0;
  if (length_bytes > 0) length_ = 0;
  for (; at < 2 + length_bytes; ++at) length_ = length_ << 8U | head_[at];
  std::copy_n(head_.begin() + static_cast<std::ptrdiff_t>(at), key_.size(), key_.begin());
  head_size_ = 0;
  fin_ = (head_[0] & kFin) != 0;
  opcode_ = static_cast<Opcode>(head_[0] & 0x0fU);
  left_ = length_;
  // RFC 6455, 5.2: the shortest form, and 63 bits.
  if ((length_bytes == 2 && length_ < 126) || (length_bytes == 8 && (length_ <= 0xffff || length_ >> 63U != 0))) {
    return fail_protocol("invalid length");
  }
  return check_head();
}

bool MessageReader::check_head() {
  if (!is_control(opcode_)) return check_data_head();
  if ((head_[0] & kReserved) != 0) return fail_protocol("reserved bits must be 0");
  if (length_ > kLongestControl) return fail_protocol("control frame too long");
  return fin_ || fail_protocol("fragmented control frame");
}

bool MessageReader::check_data_head() {
  const bool continues = opcode_ == Opcode::kContinuation;
  const std::uint64_t room = max_size_ - (fragmented_ ? size_before_ : 0);
  if (length_ > room) return fail_size("frame with " + std::to_string(length_) + " bytes ");
  const bool rsv1 = (head_[0] & kRsv1) != 0;
  if (continues && rsv1 && fragmented_ && compressed_) return fail_protocol("RSV1 bit set in continuation frame");
  const bool compresses = rsv1 && !continues && deflate_.has_value();
  if ((head_[0] & kReserved & ~(compresses ? kRsv1 : 0U)) != 0) return fail_protocol("reserved bits must be 0");
  if (continues && !fragmented_) return fail_protocol("unexpected continuation frame");
  if (!continues && fragmented_) return fail_protocol("expected a continuation frame");
  if (continues) return true;
  kind_ = opcode_;
  compressed_ = compresses;
  size_before_ = 0;
  utf8_.reset();
  if (compressed_ && inflater_ == nullptr) inflater_ = std::make_unique<Inflater>(*deflate_);
  return true;
}

MessageReader::Event MessageReader::take_payload_of(std::span<char>& input) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), left_));
  const std::span<char> piece = input.first(count);
  input = input.subspan(count);
  apply_mask(piece, key_, length_ - left_);
  left_ -= count;
  if (left_ == 0) in_payload_ = false;
  return is_control(opcode_) ? take_control(piece) : take_data(piece);
}

MessageReader::Event MessageReader::take_control(std::span<char> piece) {
  if (left_ > 0 || !control_.empty()) {
    control_.append(view_of(piece));
    if (left_ > 0) return Event::kNone;
    payload_ = control_;
  } else {
    payload_ = view_of(piece);
  }
  if (opcode_ == Opcode::kPing) return Event::kPing;
  if (opcode_ == Opcode::kPong) return Event::kPong;
  std::optional<Close> close = read_close(payload_, failure_);
  if (!close) {
    failed_ = true;
    return Event::kFailed;
  }
  close_ = std::move(*close);
  return Event::kClose;
}

MessageReader::Event MessageReader::take_data(std::span<char> piece) {
  const bool frame_done = left_ == 0;
  const bool last = frame_done && fin_;
  // A message that lies there in one piece stays there.
  if (last && !compressed_ && !fragmented_ && piece.size() == length_) {
    payload_ = view_of(piece);
    if (kind_ == Opcode::kText && (!utf8_.take(payload_) || !utf8_.complete())) {
      static_cast<void>(fail(CloseCode::kInvalidPayload, ""));
      return Event::kFailed;
    }
    return Event::kMessage;
  }
  if (!append(view_of(piece), last)) return Event::kFailed;
  if (!frame_done) return Event::kNone;
  size_before_ = message_.size();
  fragmented_ = !fin_;
  if (!last) return Event::kNone;
  message_done_ = true;
  payload_ = message_;
  return Event::kMessage;
}

// What was inflated before an error counts first: the verdict is the same however the bytes are cut.
bool MessageReader::append(std::string_view piece, bool last) {
  const std::size_t before = message_.size();
  auto outcome = Inflater::Outcome::kGood;
  if (compressed_) {
    outcome = inflater_->inflate(piece, max_size_, message_);
    if (outcome == Inflater::Outcome::kGood && last) outcome = inflater_->finish(max_size_, message_);
  } else {
    if (message_.empty() && left_ > 0) {
      message_.reserve(static_cast<std::size_t>(std::min(length_, kTrustedLength)));
    }
    message_.append(piece);
  }
  if (kind_ == Opcode::kText && !utf8_.take(std::string_view(message_).substr(before))) {
    return fail(CloseCode::kInvalidPayload, "");
  }
  switch (outcome) {
    case Inflater::Outcome::kInvalid:
      return fail_protocol("decompression failed");
    case Inflater::Outcome::kTooBig:
      return fail_size("frame ");
    case Inflater::Outcome::kGood:
      break;
  }
  const bool cut_off = kind_ == Opcode::kText && last && !utf8_.complete();
  return !cut_off || fail(CloseCode::kInvalidPayload, "");
}

bool MessageReader::fail_size(std::string reason) {
  if (fragmented_) reason += "after reading " + std::to_string(size_before_) + " bytes ";
  return fail(CloseCode::kMessageTooBig, reason + "exceeds limit of " + std::to_string(max_size_) + " bytes");
}

}  // namespace data_bridge::websocket
