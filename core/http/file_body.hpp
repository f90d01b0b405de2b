// A body, or a piece of one, that is in a file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/file.hpp"

namespace data_bridge::http {

/// Parts of one file, with what stands between them.
struct FileBody {
  struct Part {
    std::string before;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };

  std::shared_ptr<const runtime::File> file;
  std::vector<Part> parts;
  std::string after;

  [[nodiscard]] std::uint64_t size() const noexcept {
    std::uint64_t sum = after.size();
    for (const Part& part : parts) sum += part.before.size() + part.size;
    return sum;
  }
};

}  // namespace data_bridge::http
