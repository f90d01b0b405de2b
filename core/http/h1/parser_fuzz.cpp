// libFuzzer: a request means the same however its bytes are cut into reads.
#include <cstdlib>
#include <vector>

#include "http/h1/message_reader.hpp"

namespace {

using data_bridge::http::Limits;
using data_bridge::http::h1::HeadParser;
using data_bridge::http::h1::Reading;

// Small limits, so that the fuzzer finds the way to each of them.
Limits small_limits() {
  Limits limits;
  limits.max_head_size = 512;
  limits.max_fields = 8;
  limits.max_target_size = 64;
  limits.max_method_size = 8;
  return limits;
}

void require(bool condition) {
  if (!condition) std::abort();  // how a fuzz target reports
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  // The first two bytes choose the cuts and the limits; the message is the rest.
  const unsigned stride = data[0];
  const bool small = (data[1] & 1U) != 0;
  const std::string_view bytes(static_cast<const char*>(static_cast<const void*>(data + 2)), size - 2);
  static const Limits kSmall = small_limits();
  static const Limits kNormal;
  static HeadParser small_parser(kSmall);
  static HeadParser normal_parser(kNormal);
  const Limits& limits = small ? kSmall : kNormal;
  HeadParser& parser = small ? small_parser : normal_parser;

  const Reading whole = read_message(parser, limits, bytes, {});
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < bytes.size() && bytes.size() <= 4096; ++i) cuts.push_back(i);
  require(read_message(parser, limits, bytes, cuts) == whole);
  cuts.clear();
  for (std::size_t i = stride + 1; i < bytes.size(); i += stride + 1) cuts.push_back(i);
  require(read_message(parser, limits, bytes, cuts) == whole);

  if (whole.end == Reading::End::kComplete) {
    require(whole.size <= bytes.size());
    require(whole.head.find('\0') == std::string::npos);
    // What follows a message cannot change it, and less than all of it is not a message.
    require(read_message(parser, limits, bytes.substr(0, whole.size), {}) == whole);
    if (whole.size > 0) {
      require(read_message(parser, limits, bytes.substr(0, whole.size - 1), {}).end == Reading::End::kIncomplete);
    }
  }
  return 0;
}
