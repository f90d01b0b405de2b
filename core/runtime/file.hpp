// Regular files, opened and read by threads that must not wait for a disk, and by those that may.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>

#include "runtime/file_descriptor.hpp"

namespace data_bridge::runtime {

/// Open for reading. Its size is that of when it was opened.
struct File {
  FileDescriptor fd;
  std::uint64_t size = 0;
};

/// Whether a call may wait for a disk, or for a file system that is somewhere else.
enum class Waiting : std::uint8_t { kNever, kAllowed };

/// Opens a regular file; else an `errno`, EISDIR for a directory and EINVAL for what is neither. With Waiting::kNever
/// EAGAIN where it cannot be told at once.
[[nodiscard]] std::expected<std::shared_ptr<const File>, int> open_file(const std::string& path, Waiting waiting);

/// What of these bytes is in the page cache, from the first of them on. Never waits.
[[nodiscard]] std::size_t read_cached(const File& file, std::uint64_t offset, std::span<char> into) noexcept;
/// All of these bytes are in the page cache. Never waits.
[[nodiscard]] bool is_cached(const File& file, std::uint64_t offset, std::size_t size) noexcept;
/// Brings these bytes into the page cache, and waits for them. What cannot be read shows again when they are sent.
void load_into_cache(const File& file, std::uint64_t offset, std::size_t size) noexcept;

}  // namespace data_bridge::runtime
