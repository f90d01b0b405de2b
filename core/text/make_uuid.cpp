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

// A clock that is never the same twice, in ticks of the time since 1970.
class Clock {
 public:
  template <typename Ticks>
  std::uint64_t next(Ticks&& ticks_of) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::uint64_t tick =
        ticks_of(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()));
    const std::lock_guard lock(mutex_);
    last_ = tick > last_ ? tick : last_ + 1;
    return last_;
  }

 private:
  std::mutex mutex_;
  std::uint64_t last_ = 0;
};

// RFC 9562, 6.2, method 3: the 12 bits of rand_a hold the fraction of the millisecond (about 244 ns each), so
// that the first 60 bits after the version are one clock.
std::uint64_t next_tick() {
  static Clock clock;
  return clock.next([](std::uint64_t nanoseconds) {
    return ((nanoseconds / 1'000'000) << 12) | ((nanoseconds % 1'000'000) * 4096 / 1'000'000);
  });
}

// Of 100 ns since the Gregorian calendar began (RFC 9562, 5.1).
std::uint64_t next_gregorian_tick() {
  constexpr std::uint64_t kTicksUntil1970 = 0x01B2'1DD2'1381'4000;
  static Clock clock;
  return clock.next([](std::uint64_t nanoseconds) { return nanoseconds / 100 + kTicksUntil1970; });
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

// What follows the version: the time, or random bits.
std::uint64_t high_bits(std::uint8_t version) {
  if (version == 1 || version == 6) {
    const std::uint64_t tick = next_gregorian_tick();
    if (version == 6) return ((tick >> 12) << 16) | (tick & 0xFFFU);
    return ((tick & 0xFFFF'FFFFU) << 32) | (((tick >> 32) & 0xFFFFU) << 16) | (tick >> 48);
  }
  const std::uint64_t bits = version == 7 ? next_tick() : random_bits() >> 4;
  return ((bits >> 12) << 16) | (bits & 0xFFFU);
}

}  // namespace

bool can_make_uuid(std::uint8_t version) noexcept {
  return version == 1 || version == 4 || (version >= 6 && version <= 8);
}

std::string make_uuid(std::uint8_t version) {
  // Of a node that is no network card's address (RFC 9562, 6.10).
  constexpr std::uint64_t kMulticast = 0x0100'0000'0000;
  const std::uint64_t high = high_bits(version) | (std::uint64_t{version} << 12);
  std::uint64_t low = (random_bits() & 0x3FFF'FFFF'FFFF'FFFFU) | 0x8000'0000'0000'0000U;
  if (version == 1 || version == 6) low |= kMulticast;
  const UuidText text = format_uuid(high, low);
  return {text.data(), text.size()};
}

}  // namespace data_bridge::text
