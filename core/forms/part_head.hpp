// The fields above a part of multipart/form-data (RFC 7578, 4), and the boundary that parts them (RFC 2046, 5.1.1).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace data_bridge::forms {

/// The boundary of `multipart/form-data; boundary=...`, which points into `content_type`; nothing where the type is
/// another, has more parameters, or is written otherwise than clients do, in capitals for one.
[[nodiscard]] std::optional<std::string_view> multipart_boundary(std::string_view content_type) noexcept;

/// Whether that is `application/x-www-form-urlencoded`, without parameters but for `charset=utf-8`.
[[nodiscard]] bool is_urlencoded(std::string_view content_type) noexcept;

struct PartHead {
  std::string name;                     ///< valid UTF-8
  std::optional<std::string> filename;  ///< the same; of files only
  /// All fields in their order: the name in lower case, the value as it is.
  std::vector<std::pair<std::string, std::string>> fields;
};

/// More fields are irregular: python-multipart refuses them.
inline constexpr std::size_t kMaxPartFields = 8;

/// `head`: the lines above the part's data, each with its CRLF, without the empty one. Nothing where it is irregular:
/// one Content-Disposition, with a `name` and perhaps a `filename`, both quoted and without escapes, and fields whose
/// names are letters and hyphens.
[[nodiscard]] std::optional<PartHead> read_part_head(std::string_view head);

}  // namespace data_bridge::forms
