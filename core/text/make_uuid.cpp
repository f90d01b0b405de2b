// New identifiers (RFC 9562).
#include "text/make_uuid.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <system_error>

#include "text/uuid.hpp"

namespace data_bridge::text {
namespace {

// RFC 9562, 6.2, method 3: the 12 bits of rand_a hold the fraction of the millisecond (about 244 ns each), so
// that the first 60 bits after the version are one clock, which is made monotonic below.
std::uint64_t next_tick() {
  static std::mutex mutex;
  static std::uint64_t last = 0;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto nanoseconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  const std::uint64_t tick = ((nanoseconds / 1'000'000) << 12) | ((nanoseconds % 1'000'000) * 4096 / 1'000'000);
  const std::lock_guard lock(mutex);
  last = tick > last ? tick : last + 1;
  return last;
}

std::uint64_t random_bits() {
  // One system call for 32 identifiers. Thread-owned: no lock, and fork() without exec() is not supported anyway.
  thread_local std::array<std::uint64_t, 32> pool;
  thread_local std::size_t used = pool.size();
  if (used == pool.size()) {
    std::size_t filled = 0;
    while (filled < sizeof(pool)) {
      const ssize_t got = getrandom(reinterpret_cast<char*>(pool.data()) + filled, sizeof(pool) - filled, 0);
      if (got < 0 && errno != EINTR) {
        throw std::system_error(errno, std::generic_category(), "getrandom");
      }
      filled += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    used = 0;
  }
  return pool[used++];
}

constexpr std::uint64_t kVariant = 0x8000'0000'0000'0000U;  // section 4.1
constexpr std::uint64_t kBehindVariant = 0x3FFF'FFFF'FFFF'FFFFU;

}  // namespace

std::string make_uuid7() {
  const std::uint64_t tick = next_tick();
  const std::uint64_t high = ((tick >> 12) << 16) | 0x7000U | (tick & 0xFFFU);
  const UuidText text = format_uuid(high, (random_bits() & kBehindVariant) | kVariant);
  return {text.data(), text.size()};
}

std::string make_uuid4() {
  const std::uint64_t high = (random_bits() & ~std::uint64_t{0xF000}) | 0x4000U;
  const UuidText text = format_uuid(high, (random_bits() & kBehindVariant) | kVariant);
  return {text.data(), text.size()};
}

}  // namespace data_bridge::text
