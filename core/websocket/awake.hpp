// Which of a thread's compressors and decompressors have memory: those that were used last.
#pragma once

#include <cstddef>
#include <iterator>
#include <list>
#include <memory>

namespace data_bridge::websocket {

/// Streams of one kind, of one thread, each with tens of KiB; a server has as many as connections. The ones that were
/// used longest ago sleep(): they let their memory go, and go on as if nothing had been.
template <typename Stream>
class Awake {
 public:
  /// With 42 KiB for the two of a connection not more than 11 MiB a thread.
  static constexpr std::size_t kMost = 256;
  using Place = typename std::list<Stream*>::iterator;

  /// Outlives its thread with the streams that hold it.
  static const std::shared_ptr<Awake>& of_this_thread() {
    thread_local const std::shared_ptr<Awake> instance = std::make_shared<Awake>();
    return instance;
  }

  /// `stream` wakes up; others may fall asleep for it. Throws std::bad_alloc.
  [[nodiscard]] Place add(Stream& stream) {
    make_room();
    streams_.push_front(&stream);
    return streams_.begin();
  }
  /// It is used.
  void touch(Place place) noexcept { streams_.splice(streams_.begin(), streams_, place); }
  /// It sleeps, or is gone.
  void remove(Place place) noexcept { streams_.erase(place); }
  [[nodiscard]] std::size_t size() const noexcept { return streams_.size(); }
  /// Whoever wakes up puts another one to sleep.
  [[nodiscard]] bool full() const noexcept { return streams_.size() >= kMost; }

 private:
  // Where a client has left its stream in the middle of something it cannot sleep: it is not asked again for a while.
  void make_room() {
    for (int tries = 0; tries < 4 && streams_.size() >= kMost; ++tries) {
      const std::size_t before = streams_.size();
      streams_.back()->sleep();
      if (streams_.size() == before) touch(std::prev(streams_.end()));
    }
  }

  std::list<Stream*> streams_;
};

}  // namespace data_bridge::websocket
