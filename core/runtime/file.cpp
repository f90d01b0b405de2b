// Regular files, opened and read by threads that must not wait for a disk, and by those that may.
#include "runtime/file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace data_bridge::runtime {
namespace {

// O_NONBLOCK: what is no regular file, a FIFO without a writer, is found out without waiting for its other end.
constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

// openat2(2), since Linux 5.6; a path that is not wholly in the kernel's caches is EAGAIN, since 5.12. Older kernels
// and sandboxes say otherwise that they cannot do it.
int open_cached(const std::string& path) noexcept {
  open_how how{};
  how.flags = static_cast<unsigned>(kFlags);
  how.resolve = RESOLVE_CACHED;
  const auto fd = static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how));
  if (fd < 0 && (errno == ENOSYS || errno == EINVAL || errno == EPERM || errno == EOPNOTSUPP)) errno = EAGAIN;
  return fd;
}

// cachestat(2), since Linux 6.5: its number, on all architectures, and its structures, which Debian 12 has not heard
// of.
constexpr long kCachestat = 451;
struct CacheRange {
  std::uint64_t offset;
  std::uint64_t size;
};
struct CacheState {
  std::uint64_t cached;
  std::uint64_t dirty;
  std::uint64_t written_back;
  std::uint64_t evicted;
  std::uint64_t recently_evicted;
};

std::uint64_t pages(std::uint64_t offset, std::size_t size) noexcept {
  static const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return (offset + size - 1) / page - offset / page + 1;
}

}  // namespace

std::expected<std::shared_ptr<const File>, int> open_file(const std::string& path, Waiting waiting) {
  if (path.find('\0') != std::string::npos) return std::unexpected(EINVAL);
  FileDescriptor fd(waiting == Waiting::kNever ? open_cached(path) : open(path.c_str(), kFlags));
  if (!fd) return std::unexpected(errno);
  struct stat facts{};
  if (fstat(fd.get(), &facts) != 0) return std::unexpected(errno);
  if (!S_ISREG(facts.st_mode)) return std::unexpected(S_ISDIR(facts.st_mode) ? EISDIR : EINVAL);
  return std::make_shared<const File>(std::move(fd), static_cast<std::uint64_t>(facts.st_size));
}

std::size_t read_cached(const File& file, std::uint64_t offset, std::span<char> into) noexcept {
  std::size_t count = 0;
  while (count < into.size()) {
    const iovec part{.iov_base = into.data() + count, .iov_len = into.size() - count};
    const ssize_t got = preadv2(file.fd.get(), &part, 1, static_cast<off_t>(offset + count), RWF_NOWAIT);
    if (got <= 0) break;
    count += static_cast<std::size_t>(got);
  }
  return count;
}

bool is_cached(const File& file, std::uint64_t offset, std::size_t size) noexcept {
  CacheRange range{.offset = offset, .size = size};
  CacheState state{};
  if (syscall(kCachestat, file.fd.get(), &range, &state, 0) == 0) return state.cached >= pages(offset, size);
  // Who cannot ask has to read, which costs a copy.
  thread_local std::array<char, std::size_t{64} * 1024> dropped;
  while (size > 0) {
    const std::size_t wanted = std::min(size, dropped.size());
    if (read_cached(file, offset, std::span(dropped).first(wanted)) < wanted) return false;
    offset += wanted;
    size -= wanted;
  }
  return true;
}

void load_into_cache(const File& file, std::uint64_t offset, std::size_t size) noexcept {
  // readahead(2) returns before the bytes are there; reading begins with it, and waits.
  readahead(file.fd.get(), static_cast<off_t>(offset), size);
  std::array<char, std::size_t{64} * 1024> dropped;
  while (size > 0) {
    const ssize_t got =
        pread(file.fd.get(), dropped.data(), std::min(size, dropped.size()), static_cast<off_t>(offset));
    if (got <= 0) return;
    offset += static_cast<std::uint64_t>(got);
    size -= std::min(size, static_cast<std::size_t>(got));
  }
}

}  // namespace data_bridge::runtime
