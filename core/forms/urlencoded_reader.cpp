// Counts fields and their sizes; to take them apart is left to who wants to know them.
#include "forms/urlencoded_reader.hpp"

#include <algorithm>

namespace data_bridge::forms {

Status UrlencodedReader::feed(std::string_view piece) {
  body_.append(piece);
  while (!piece.empty()) {
    const std::size_t end = std::min(piece.find('&'), piece.size());
    const std::string_view part = piece.substr(0, end);
    const bool begins = field_size_ == 0 && !has_equals_;
    if (begins && (part.empty() || ++fields_ > limits_.max_fields)) return Status::kIrregular;
    if (part.contains(';')) return Status::kIrregular;
    field_size_ += part.size();
    if (!has_equals_ && part.contains('=')) {
      has_equals_ = true;
      --field_size_;
    }
    if (field_size_ > limits_.max_part_size) return Status::kIrregular;
    if (end == piece.size()) break;
    field_size_ = 0;
    has_equals_ = false;
    piece.remove_prefix(end + 1);
  }
  return Status::kMore;
}

}  // namespace data_bridge::forms
