// libFuzzer: a client's bytes mean the same however they are cut into reads, within the bounds, and with sleep between.
#include <cstdlib>
#include <vector>

#include "websocket/extensions.hpp"
#include "websocket/reading_testing.hpp"

namespace {

using data_bridge::websocket::DeflateParameters;
using data_bridge::websocket::ExtensionOffer;
using data_bridge::websocket::ReaderOptions;

constexpr std::uint8_t kLargestWindowBits = 15;

void require(bool condition) {
  if (!condition) std::abort();  // how a fuzz target reports
}

// What a client's bytes mean where it may refer to all that zlib keeps: one thing, however they are cut.
std::string require_one_meaning(const ReaderOptions& options, std::string_view bytes, std::size_t stride) {
  std::string whole = read_all(options, bytes, SIZE_MAX);
  require(read_all(options, bytes, stride) == whole);
  require(read_all(options, bytes, 1, true) == whole);
  return whole;
}

// A client that refers to more than the window agreed upon is understood as with a larger one, or refused there.
// Which of both is zlib's choice and depends on the cuts: within one call, inflate() looks at no limit.
void require_meaning_or_refusal(std::string_view found, std::string_view meaning) {
  constexpr std::string_view kRefused = "failed 1002 decompression failed\n";
  if (found == meaning) return;
  require(found.ends_with(kRefused));
  found.remove_suffix(kRefused.size());
  require(meaning.starts_with(found));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  // The first two bytes choose the cuts and the options; the rest is what a client sends.
  const std::size_t stride = std::size_t{data[0]} + 1;
  const unsigned choice = data[1];
  const std::string_view bytes(static_cast<const char*>(static_cast<const void*>(data + 2)), size - 2);
  ReaderOptions options{.max_size = (choice & 1U) != 0 ? 100U : 1U << 20U};
  if ((choice & 2U) != 0) {
    options.deflate = DeflateParameters{.client_no_context_takeover = (choice & 4U) != 0,
                                        .client_max_window_bits = static_cast<std::uint8_t>(8 + (choice >> 4U) % 8)};
  }
  ReaderOptions wide = options;
  if (wide.deflate) wide.deflate->client_max_window_bits = kLargestWindowBits;
  const std::string meaning = require_one_meaning(wide, bytes, stride);
  if (options.deflate && options.deflate->client_max_window_bits < kLargestWindowBits) {
    require_meaning_or_refusal(read_all(options, bytes, SIZE_MAX), meaning);
    require_meaning_or_refusal(read_all(options, bytes, stride), meaning);
    require_meaning_or_refusal(read_all(options, bytes, 1, true), meaning);
  }

  std::vector<ExtensionOffer> offers;
  std::size_t position = 0;
  if (read_offers(bytes, offers, position) == nullptr) {
    static_cast<void>(agree(offers));
  } else {
    require(position <= bytes.size());
  }
  return 0;
}
