// The deadlines of call_at: a 4-ary heap of (when, order of insertion).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace data_bridge::pyloop {

/// A min-heap of `T*` by deadline in seconds; equal deadlines keep the order of push().
///
/// Four children instead of two: half the levels, and the children of a node share a cache line.
template <typename T>
class TimerHeap {
 public:
  [[nodiscard]] bool empty() const noexcept { return nodes_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
  /// Of the next timer; the heap must not be empty.
  [[nodiscard]] double next_deadline() const noexcept { return nodes_.front().when; }
  [[nodiscard]] T* top() const noexcept { return nodes_.front().item; }

  void push(double when, T* item) {
    nodes_.push_back({when, next_order_++, item});
    sift_up(nodes_.size() - 1);
  }

  T* pop() noexcept {
    T* item = nodes_.front().item;
    Node last = nodes_.back();
    nodes_.pop_back();
    if (!nodes_.empty()) sift_down(0, last);
    return item;
  }

  /// Removes `item` where that is free: a timer that is cancelled soon after it was set is mostly the last leaf.
  bool pop_if_last(const T* item) noexcept {
    if (nodes_.empty() || nodes_.back().item != item) return false;
    nodes_.pop_back();
    return true;
  }

  /// Moves every item for which `wanted` is true to `taken`, in O(n). The heap is whole again on return, so that what
  /// then happens to the items may come back here. Without memory (std::bad_alloc) nothing has changed.
  template <typename Predicate>
  void take_if(Predicate wanted, std::vector<T*>& taken) {
    const auto is_wanted = [&](const Node& node) { return wanted(node.item); };
    taken.reserve(taken.size() + static_cast<std::size_t>(std::ranges::count_if(nodes_, is_wanted)));
    std::erase_if(nodes_, [&](const Node& node) {
      if (!is_wanted(node)) return false;
      taken.push_back(node.item);
      return true;
    });
    for (std::size_t i = nodes_.size() / kArity + 1; i-- > 0;) {
      if (i < nodes_.size()) sift_down(i, nodes_[i]);
    }
  }

  template <typename Visitor>
  void for_each(Visitor visit) const {
    for (const Node& node : nodes_) visit(node.item);
  }

 private:
  static constexpr std::size_t kArity = 4;

  struct Node {
    double when;
    std::uint64_t order;
    T* item;
    bool before(const Node& other) const noexcept {
      return when < other.when || (when == other.when && order < other.order);
    }
  };

  void sift_up(std::size_t i) noexcept {
    Node node = nodes_[i];
    while (i > 0) {
      std::size_t parent = (i - 1) / kArity;
      if (!node.before(nodes_[parent])) break;
      nodes_[i] = nodes_[parent];
      i = parent;
    }
    nodes_[i] = node;
  }

  void sift_down(std::size_t i, Node node) noexcept {
    for (;;) {
      std::size_t first = i * kArity + 1;
      if (first >= nodes_.size()) break;
      std::size_t last = std::min(first + kArity, nodes_.size());
      std::size_t least = first;
      for (std::size_t child = first + 1; child < last; ++child) {
        if (nodes_[child].before(nodes_[least])) least = child;
      }
      if (!nodes_[least].before(node)) break;
      nodes_[i] = nodes_[least];
      i = least;
    }
    nodes_[i] = node;
  }

  std::vector<Node> nodes_;
  std::uint64_t next_order_ = 0;
};

}  // namespace data_bridge::pyloop
