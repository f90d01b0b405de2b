// A thread that sends what another has written and does not come to sending.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>

#include "runtime/buffer.hpp"
#include "runtime/fork_locks.hpp"

namespace data_bridge::runtime {

/// The pieces of a streamed answer that are written in one turn leave in one system call at its end. But what runs in
/// that turn may be a stranger's code, which may compute for long behind its last piece: what has waited for kPatience
/// leaves from here, whatever the turn's thread does meanwhile, the GIL being no concern of this one. Belongs to one
/// thread; the own thread begins with the first bytes that are put, and ends with this.
class LateSender {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kPatience{1};

  /// What one socket is still to be sent. Nobody else sends on that socket, or closes it, before take_back().
  class Held {
   public:
    /// `socket`: connected, non-blocking.
    Held(LateSender& sender, int socket) noexcept : sender_(sender), socket_(socket) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    /// Drops what is held.
    ~Held();

    /// Moves `bytes` here, where nothing is held. kPatience begins with the first, also for what is taken back and put
    /// again, until all has been sent. Throws std::system_error, with `bytes` as they were, where there can be no
    /// thread.
    void put(Buffer& bytes);
    /// Moves here what has not been sent yet; `into` is empty.
    void take_back(Buffer& into) noexcept;
    /// How much was put, and not taken back: so much, or less by now, waits.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

   private:
    friend class LateSender;

    LateSender& sender_;
    const int socket_;
    std::size_t size_ = 0;
    // The mutex's while it is in the list; else the thread's that this belongs to.
    Buffer bytes_;
    Clock::time_point since_;  // when the first of the bytes was put; the epoch: there are none
    bool listed_ = false;
    Held* before_ = nullptr;
    Held* behind_ = nullptr;
  };

  LateSender() = default;
  LateSender(const LateSender&) = delete;
  LateSender& operator=(const LateSender&) = delete;
  /// There is no Held any more.
  ~LateSender();

 private:
  void begin();
  void run() noexcept;
  void enlist(Held& held) noexcept;
  void strike(Held& held) noexcept;
  Clock::time_point send_due(Clock::time_point now) noexcept;
  void drop_in_child() noexcept;

  std::thread thread_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  Held* first_ = nullptr;
  bool sleeps_ = false;  // until `changed_`; else it looks again by itself
  bool ended_ = false;
  ForkLocks fork_locks_{mutex_, nullptr, [](void* owner) noexcept { static_cast<LateSender*>(owner)->drop_in_child(); },
                        this};
};

}  // namespace data_bridge::runtime
