// Which answers are compressed, and what their fields say then.
#include "middleware/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "http/exchange.hpp"
#include "http/status.hpp"
#include "middleware/deflater.hpp"
#include "text/latin1.hpp"

namespace data_bridge::middleware {
namespace {

constexpr std::string_view kAcceptEncoding = "Accept-Encoding";

/// A request that will have it.
struct Accepts final : http::LayerState {
  bool compresses_pieces = false;  // of its answer
};

class GzipFilter final : public http::BodyFilter {
 public:
  explicit GzipFilter(const GzipOptions& options) : deflater_(options.level), flushes_(options.flushes_pieces) {
    if (options.format == GzipOptions::Format::kFile) deflater_.name_time();
  }
  void filter(std::string_view piece, bool last, runtime::Buffer& out) override {
    deflater_.add(piece, out);
    if (last) {
      deflater_.finish(out);
    } else if (flushes_) {
      deflater_.flush(out);
    }
  }

 private:
  Deflater deflater_;
  bool flushes_;
};

/// A stream has a quarter of a megabyte, which is dearer to make than to clear.
Deflater& spare_deflater(int level) {
  thread_local std::map<int, Deflater> spare;
  const auto [found, is_new] = spare.try_emplace(level, level);
  if (!is_new) found->second.reset();
  return found->second;
}

}  // namespace

std::string compress(std::string_view body, int level, GzipOptions::Format format) {
  Deflater& deflater = spare_deflater(level);
  if (format == GzipOptions::Format::kFile) deflater.name_time();
  runtime::Buffer out;
  deflater.add(body, out);
  deflater.finish(out);
  return std::string(out.view());
}

std::string linked_zlib() { return zlibVersion(); }

bool Gzip::on_request(http::Exchange& exchange, std::unique_ptr<http::LayerState>& state) {
  const std::optional<std::string_view> accepted = exchange.request().header("accept-encoding");
  // As Starlette: "x-gzip" has it, too, and "gzip;q=0".
  if (accepted && accepted->find("gzip") != std::string_view::npos) state = std::make_unique<Accepts>();
  return false;
}

bool Gzip::excludes_type(std::string_view content_type) const {
  const auto is_prefix = [&](const std::string& prefix) { return content_type.starts_with(prefix); };
  if (std::ranges::any_of(options_.excluded_prefixes, is_prefix)) return true;
  if (options_.excluded_types.empty()) return false;
  const std::string type = text::latin1_lower(text::latin1_strip(content_type.substr(0, content_type.find(';'))));
  const std::string all = type.substr(0, type.find('/')) + "/*";
  const bool grpc = options_.grpc_suffixes && type.starts_with("application/grpc+");
  return std::ranges::any_of(options_.excluded_types, [&](const std::string& excluded) {
    return excluded == type || excluded == all || (grpc && excluded == "application/grpc");
  });
}

bool Gzip::leaves_alone(const http::EditableHead& head) const {
  constexpr int kPartialContent = 206;
  if (http::is_bodiless(head.status()) || head.get("content-encoding")) return true;
  if (options_.excludes_partial && head.status() == kPartialContent) return true;
  if (head.body() && head.body()->size() < options_.minimum_size) return true;
  return excludes_type(head.get("content-type").value_or(""));
}

void Gzip::on_head(http::EditableHead& head, http::LayerState* state) {
  const bool accepted = state != nullptr;
  if ((!accepted && !options_.varies_without) || leaves_alone(head)) return;
  if (options_.varies_without) add_vary(head, kAcceptEncoding, options_.vary);
  if (!accepted) return;
  head.set("content-encoding", "gzip");
  if (head.body()) {
    std::string compressed = compress(*head.body(), options_.level, options_.format);
    // Where nobody has said it, it is said in the right place.
    if (head.get("content-length")) head.set("content-length", std::to_string(compressed.size()));
    head.set_body(std::move(compressed));
  } else {
    static_cast<Accepts&>(*state).compresses_pieces = true;
  }
  if (!options_.varies_without) add_vary(head, kAcceptEncoding, options_.vary);
}

std::unique_ptr<http::BodyFilter> Gzip::filter(const http::EditableHead& /*head*/, http::LayerState* state) {
  if (state == nullptr || !static_cast<Accepts&>(*state).compresses_pieces) return nullptr;
  return std::make_unique<GzipFilter>(options_);
}

}  // namespace data_bridge::middleware
