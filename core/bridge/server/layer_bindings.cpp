// Descriptions of middleware become layers.
#include "bridge/server/layer_bindings.hpp"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "middleware/byte_pattern.hpp"
#include "middleware/cors.hpp"
#include "middleware/gzip.hpp"
#include "middleware/https_redirect.hpp"
#include "middleware/trusted_host.hpp"

namespace data_bridge::bridge {

namespace nb = nanobind;
using middleware::CorsOptions;
using middleware::Field;
using middleware::GzipOptions;
using middleware::TrustedHostOptions;

namespace {

/// The values of a dict whose keys are all known to both sides.
class Options {
 public:
  explicit Options(nb::dict source) : source_(std::move(source)) {}

  [[nodiscard]] nb::object operator[](const char* name) const { return source_[name]; }
  [[nodiscard]] bool flag(const char* name) const { return nb::cast<bool>(source_[name]); }
  /// Header fields are bytes, one a character.
  [[nodiscard]] std::string text(const char* name) const { return read_text(source_[name]); }
  [[nodiscard]] std::vector<std::string> texts(const char* name) const { return read_texts(source_[name]); }
  [[nodiscard]] std::vector<Field> fields(const char* name) const {
    std::vector<Field> found;
    for (nb::handle item : nb::cast<nb::list>(source_[name])) {
      const auto pair = nb::cast<nb::tuple>(item);
      found.emplace_back(read_text(pair[0]), read_text(pair[1]));
    }
    return found;
  }
  /// The place of a value among those that it may have.
  template <typename Enum>
  [[nodiscard]] Enum choice(const char* name, std::initializer_list<std::string_view> values) const {
    const auto text = nb::cast<std::string>(source_[name]);
    int index = 0;
    for (const std::string_view value : values) {
      if (value == text) return static_cast<Enum>(index);
      ++index;
    }
    throw nb::value_error(name);
  }

 private:
  static std::string read_text(nb::handle source) {
    const auto bytes = nb::cast<nb::bytes>(source);
    return {bytes.c_str(), bytes.size()};
  }
  static std::vector<std::string> read_texts(const nb::object& source) {
    std::vector<std::string> texts;
    for (nb::handle item : nb::cast<nb::list>(source)) texts.push_back(read_text(item));
    return texts;
  }

  nb::dict source_;
};

middleware::VaryMerge read_vary(const Options& options) {
  return options.choice<middleware::VaryMerge>("vary", {"first", "all"});
}

AppLayer read_cors(const Options& source) {
  CorsOptions options{.allow_all_origins = source.flag("allow_all_origins"),
                      .allow_origins = source.texts("allow_origins"),
                      .allow_methods = source.texts("allow_methods"),
                      .allow_all_headers = source.flag("allow_all_headers"),
                      .allow_headers = source.texts("allow_headers"),
                      .preflight_explicit_allow_origin = source.flag("preflight_explicit_allow_origin"),
                      .preflight_fields = source.fields("preflight_fields"),
                      .simple_fields = source.fields("simple_fields")};
  options.private_network =
      source.choice<CorsOptions::PrivateNetwork>("private_network", {"unknown", "refused", "allowed"});
  options.repeat_origin = source.choice<CorsOptions::Repeat>("repeat_origin", {"never", "always", "with cookie"});
  options.varies_always = source.flag("varies_always");
  options.vary = read_vary(source);
  if (const nb::object pattern = source["origin_pattern"]; !pattern.is_none()) {
    auto compiled = middleware::BytePattern::compile(nb::cast<std::string>(pattern));
    if (!compiled) throw nb::value_error(compiled.error().c_str());
    options.matches_origin = [shared = std::make_shared<middleware::BytePattern>(std::move(*compiled))](
                                 std::string_view origin) { return shared->matches(origin); };
  }
  return {.answering = std::make_shared<middleware::Cors>(std::move(options))};
}

AppLayer read_gzip(const Options& source) {
  GzipOptions options{.minimum_size = nb::cast<std::size_t>(source["minimum_size"]),
                      .level = nb::cast<int>(source["level"]),
                      .largest_inline = nb::cast<std::size_t>(source["largest_inline"]),
                      .format = source.choice<GzipOptions::Format>("format", {"file", "zlib"}),
                      .flushes_pieces = source.flag("flushes_pieces"),
                      .varies_without = source.flag("varies_without"),
                      .vary = read_vary(source),
                      .excludes_partial = source.flag("excludes_partial"),
                      .excluded_types = source.texts("excluded_types"),
                      .excluded_prefixes = source.texts("excluded_prefixes"),
                      .grpc_suffixes = source.flag("grpc_suffixes")};
  return {.passive = std::make_shared<middleware::Gzip>(std::move(options))};
}

AppLayer read_trusted_host(const Options& source) {
  TrustedHostOptions options{
      .allowed_hosts = source.texts("allowed_hosts"),
      .www_redirect = source.flag("www_redirect"),
      .reading = source.choice<TrustedHostOptions::Reading>("reading", {"before colon", "parsed", "lower case"})};
  return {.answering = std::make_shared<middleware::TrustedHost>(std::move(options))};
}

AppLayer read_layer(std::string_view kind, const Options& options) {
  if (kind == "cors") return read_cors(options);
  if (kind == "gzip") return read_gzip(options);
  if (kind == "trusted_host") return read_trusted_host(options);
  if (kind == "https_redirect") return {.answering = std::make_shared<middleware::HttpsRedirect>()};
  if (kind == "session") return {.session_cookie = options.text("cookie")};
  throw nb::value_error("no such layer");
}

}  // namespace

std::vector<AppLayer> read_layers(const nb::list& descriptions) {
  std::vector<AppLayer> layers;
  for (nb::handle item : descriptions) {
    const auto [kind, options] = nb::cast<std::pair<std::string, nb::dict>>(item);
    layers.push_back(read_layer(kind, Options(options)));
  }
  return layers;
}

void bind_layers(nb::module_& module) {
  module.def("zlib_version", &middleware::linked_zlib, "The version of the zlib that is linked, at run time.");
  module.def(
      "gzip",
      [](const nb::bytes& body, int level) {
        const std::string compressed =
            middleware::compress({body.c_str(), body.size()}, level, GzipOptions::Format::kZlib);
        return nb::bytes(compressed.data(), compressed.size());
      },
      nb::arg("body"), nb::arg("level"), "As zlib.compressobj(level, zlib.DEFLATED, 31), in one go.");
  module.def(
      "check_byte_pattern",
      [](const std::string& pattern) {
        const auto compiled = middleware::BytePattern::compile(pattern);
        if (!compiled) throw nb::value_error(compiled.error().c_str());
      },
      nb::arg("pattern"), "ValueError where the native side cannot run it.");
}

}  // namespace data_bridge::bridge
