// What all threads see, told to Python by the loop.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "bridge/app_context.hpp"
#include "http/layer.hpp"
#include "pyloop/loop.hpp"

namespace data_bridge::bridge {

/// A layer that collects until the loop comes: a lock for each event, one call of Python a turn. How much a `Collected`
/// takes of what waits is its own to bound.
template <typename Collected>
class LoopReport : public http::Layer,
                   public pyloop::PythonWork,
                   public std::enable_shared_from_this<LoopReport<Collected>> {
 public:
  explicit LoopReport(std::shared_ptr<AppContext> app) noexcept : app_(std::move(app)) {}

  void run() noexcept final {
    std::shared_ptr<LoopReport> keep;
    Collected collected;
    {
      const std::scoped_lock lock(mutex_);
      keep = std::move(queued_);
      collected = std::exchange(collected_, {});
    }
    tell(collected);
  }

  void drop() noexcept final {
    std::shared_ptr<LoopReport> keep;
    const std::scoped_lock lock(mutex_);
    keep = std::move(queued_);
  }

 protected:
  /// From any thread: runs `change`, which says whether there is something to tell now, on what is collected.
  template <typename Change>
  void collect(Change&& change) noexcept {
    {
      const std::scoped_lock lock(mutex_);
      if (!std::forward<Change>(change)(collected_) || queued_ != nullptr) return;
      queued_ = this->shared_from_this();
    }
    if (!app_->mailbox->post(*this)) drop();
  }

  /// With the GIL, on the loop's thread.
  virtual void tell(const Collected& collected) noexcept = 0;

  [[nodiscard]] AppContext& app() const noexcept { return *app_; }

 private:
  std::shared_ptr<AppContext> app_;
  std::mutex mutex_;
  Collected collected_;                 // under mutex_
  std::shared_ptr<LoopReport> queued_;  // under mutex_: itself, while it is queued as work
};

}  // namespace data_bridge::bridge
