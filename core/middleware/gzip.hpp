// Compression of answers, as starlette.middleware.gzip has it, to the byte where Python's zlib is the same library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/layer.hpp"
#include "middleware/vary.hpp"

namespace data_bridge::middleware {

struct GzipOptions {
  std::size_t minimum_size = 500;         ///< at least 1; of bodies in one piece
  int level = 9;                          ///< 1 to 9
  std::size_t largest_inline = SIZE_MAX;  ///< bytes; more is compressed in a thread by Starlette (1.4)
  enum class Format : std::uint8_t {
    kFile,  ///< of Python's GzipFile: the header has the time (Starlette before 1.4)
    kZlib,
  };
  Format format = Format::kZlib;
  /// What a stream's client has got is all that was sent (1.5).
  bool flushes_pieces = true;
  /// Vary: Accept-Encoding also where it was not compressed because the client would not have it (0.46), and before
  /// the other fields.
  bool varies_without = true;
  VaryMerge vary = VaryMerge::kAll;
  bool excludes_partial = true;                  ///< status 206 (1.5)
  std::vector<std::string> excluded_types{};     ///< lower case; "audio/*" is all of audio
  std::vector<std::string> excluded_prefixes{};  ///< of the whole Content-Type (0.46 to 1.4)
  bool grpc_suffixes = true;                     ///< application/grpc+proto counts as application/grpc (1.8)
};

class Gzip final : public http::Layer {
 public:
  explicit Gzip(GzipOptions options) : options_(std::move(options)) {}

  [[nodiscard]] Calls calls() const noexcept override { return {.requests = true, .heads = true}; }
  [[nodiscard]] bool on_request(http::Exchange& exchange, std::unique_ptr<http::LayerState>& state) override;
  void on_head(http::EditableHead& head, http::LayerState* state) override;
  [[nodiscard]] std::size_t largest_body(const http::LayerState* state) const noexcept override {
    return state != nullptr ? options_.largest_inline : SIZE_MAX;
  }
  [[nodiscard]] std::unique_ptr<http::BodyFilter> filter(const http::EditableHead& head,
                                                         http::LayerState* state) override;

 private:
  [[nodiscard]] bool leaves_alone(const http::EditableHead& head) const;
  [[nodiscard]] bool excludes_type(std::string_view content_type) const;

  GzipOptions options_;
};

/// `body` in one member.
[[nodiscard]] std::string compress(std::string_view body, int level, GzipOptions::Format format);
/// The version of the zlib that is linked, at run time.
[[nodiscard]] std::string linked_zlib();

}  // namespace data_bridge::middleware
