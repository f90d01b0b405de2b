// For tests and the fuzzer: keeps what a MultipartReader tells, and puts together again what it was fed.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "forms/multipart_reader.hpp"

namespace data_bridge::forms {

struct KeptPart {
  PartHead head;
  std::string text;
  std::string data;
  bool ended;
};

class Keeper final : public PartSink {
 public:
  void on_part(PartHead head, std::string_view text) override {
    parts.push_back({std::move(head), std::string(text), "", false});
  }
  void on_data(std::string_view data) override { parts.back().data += data; }
  void on_part_end() override { parts.back().ended = true; }

  /// The body as far as it was fed, the epilogue left out.
  [[nodiscard]] std::string body(const MultipartReader& reader) const {
    const std::string_view delimiter = reader.delimiter();
    std::string whole;
    if (reader.opened()) whole.append(delimiter.substr(2)).append("\r\n");
    for (const KeptPart& part : parts) {
      whole += part.text + part.data;
      if (part.ended) whole.append(delimiter).append(reader.complete() && &part == &parts.back() ? "--" : "\r\n");
    }
    return whole.append(reader.held());
  }

  std::vector<KeptPart> parts;
};

}  // namespace data_bridge::forms
