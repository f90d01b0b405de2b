// What is taken for the place of a cursor is what a cursor would have been made of, and comes back whole.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "crud/cursor.hpp"

using namespace data_bridge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static const crud::CursorCodec one("a query", 1);
  (void)one.decode(bytes);
  for (const std::size_t count : {1U, 2U, 3U}) {
    const auto cells = crud::read_binary(bytes, count);
    if (!cells) continue;
    std::string again;
    for (const storage::Cell& cell : *cells) crud::append_binary(again, cell);
    const crud::CursorCodec codec("a query", count);
    const auto decoded = codec.decode(codec.encode(*cells));
    std::string third;
    if (decoded) {
      for (const storage::Cell& cell : *decoded) crud::append_binary(third, cell);
    }
    const crud::CursorCodec other("another query", count);
    if (again != bytes || third != bytes || other.decode(codec.encode(*cells))) std::abort();
  }
  return 0;
}
