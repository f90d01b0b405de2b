// Both readers, in two pieces and at once, with small limits: the same is understood, and nothing is lost.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "forms/multipart_reader.hpp"
#include "forms/test_support.hpp"
#include "forms/urlencoded_reader.hpp"

using namespace data_bridge::forms;

namespace {

constexpr Limits kLimits{.max_files = 2, .max_fields = 3, .max_part_size = 100};

void require(bool condition) {
  if (!condition) std::abort();
}

struct Read {
  Keeper keeper;
  Status status = Status::kMore;
  bool complete = false;
};

Read read_multipart(std::string_view first, std::string_view second) {
  MultipartReader reader("b", kLimits);
  Read read;
  read.status = reader.feed(first, read.keeper);
  std::string fed(first);
  if (read.status == Status::kMore) {
    read.status = reader.feed(second, read.keeper);
    fed += second;
  }
  read.complete = reader.complete();
  const std::string body = read.keeper.body(reader);
  require(read.complete ? fed.starts_with(body) : fed == body);
  return read;
}

Status read_urlencoded(std::string_view first, std::string_view second) {
  UrlencodedReader reader(kLimits);
  if (reader.feed(first) == Status::kIrregular || reader.feed(second) == Status::kIrregular) return Status::kIrregular;
  for (const auto& field : reader.fields()) require(field.name().size() <= 3 * kLimits.max_part_size);
  return Status::kMore;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // Copies of the exact size, so that reading behind the end is seen.
  const std::string body(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string first = body.substr(0, data[0]);
  const std::string second = body.substr(first.size());

  const Read whole = read_multipart(body, "");
  const Read cut = read_multipart(first, second);
  require(whole.status == cut.status && whole.complete == cut.complete);
  if (whole.status == Status::kMore) {
    require(whole.keeper.parts.size() == cut.keeper.parts.size());
    for (std::size_t i = 0; i < whole.keeper.parts.size(); ++i) {
      require(whole.keeper.parts[i].text == cut.keeper.parts[i].text);
      require(whole.keeper.parts[i].data == cut.keeper.parts[i].data);
    }
  }
  require(read_urlencoded(body, "") == read_urlencoded(first, second));
  return 0;
}
