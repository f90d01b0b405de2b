// A zlib stream that makes gzip members.
#pragma once

#include <zlib.h>

#include <string_view>

#include "runtime/buffer.hpp"

namespace data_bridge::middleware {

/// Calls zlib in the order in which Python's zlib.compressobj does: that decides over the bytes. Throws std::bad_alloc.
class Deflater {
 public:
  explicit Deflater(int level);
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  /// The member's header is as gzip.GzipFile writes it: with the time of day, and no system named. Before add().
  void name_time();
  /// compress(): zlib may keep all of it back.
  void add(std::string_view bytes, runtime::Buffer& out) { run(bytes, Z_NO_FLUSH, out); }
  /// flush(Z_SYNC_FLUSH).
  void flush(runtime::Buffer& out) { run({}, Z_SYNC_FLUSH, out); }
  /// flush(): the member is complete.
  void finish(runtime::Buffer& out) { run({}, Z_FINISH, out); }
  /// Ready for another member.
  void reset() noexcept;

 private:
  void run(std::string_view bytes, int flush, runtime::Buffer& out);

  z_stream stream_{};
  gz_header header_{};
};

}  // namespace data_bridge::middleware
