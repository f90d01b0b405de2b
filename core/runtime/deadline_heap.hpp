// What waits for a point in time, the earliest first: a 4-ary heap.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace data_bridge::runtime {

/// Where nobody asks for an item's place.
struct PlacesUntold {
  template <typename Item>
  void operator()(const Item& /*item*/, std::size_t /*place*/) const noexcept {}
};

/// A min-heap of small items by deadline; equal deadlines keep the order of push().
///
/// Four children instead of two: half the levels, and the children of a node share a cache line. `Placed` is told of
/// every place that an item is put at, so that its owner can remove() it without a search.
template <typename When, typename Item, typename Placed = PlacesUntold>
class DeadlineHeap {
 public:
  DeadlineHeap() = default;
  explicit DeadlineHeap(Placed placed) : placed_(std::move(placed)) {}

  [[nodiscard]] bool empty() const noexcept { return nodes_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
  /// Of the next item; the heap must not be empty.
  [[nodiscard]] When next_deadline() const noexcept { return nodes_.front().when; }
  [[nodiscard]] Item top() const noexcept { return nodes_.front().item; }

  /// Without memory (std::bad_alloc) nothing has changed, and `placed` was told nothing.
  void push(When when, Item item) {
    nodes_.push_back({when, next_order_++, item});
    sift_up(nodes_.size() - 1, nodes_.back());
  }

  Item pop() noexcept {
    Item item = nodes_.front().item;
    remove(0);
    return item;
  }

  /// Takes out what `placed` was last told to be at `place`.
  void remove(std::size_t place) noexcept {
    const Node last = nodes_.back();
    nodes_.pop_back();
    if (place == nodes_.size()) return;
    if (place > 0 && last.before(nodes_[parent_of(place)])) {
      sift_up(place, last);
    } else {
      sift_down(place, last);
    }
  }

  /// Removes `item` where that is free: a timer that is cancelled soon after it was set is mostly the last leaf.
  bool pop_if_last(const Item& item) noexcept {
    if (nodes_.empty() || nodes_.back().item != item) return false;
    nodes_.pop_back();
    return true;
  }

  /// Moves every item for which `wanted` is true to `taken`, in O(n). The heap is whole again on return, so that what
  /// then happens to the items may come back here. Without memory (std::bad_alloc) nothing has changed.
  template <typename Predicate>
  void take_if(Predicate wanted, std::vector<Item>& taken) {
    const auto is_wanted = [&](const Node& node) { return wanted(node.item); };
    taken.reserve(taken.size() + static_cast<std::size_t>(std::ranges::count_if(nodes_, is_wanted)));
    std::erase_if(nodes_, [&](const Node& node) {
      if (!is_wanted(node)) return false;
      taken.push_back(node.item);
      return true;
    });
    for (std::size_t place = nodes_.size(); place-- > 0;) sift_down(place, Node(nodes_[place]));
  }

  template <typename Visitor>
  void for_each(Visitor visit) const {
    for (const Node& node : nodes_) visit(node.item);
  }

 private:
  static constexpr std::size_t kArity = 4;

  struct Node {
    When when;
    std::uint64_t order;
    Item item;
    [[nodiscard]] bool before(const Node& other) const noexcept {
      return when < other.when || (when == other.when && order < other.order);
    }
  };

  [[nodiscard]] static std::size_t parent_of(std::size_t place) noexcept { return (place - 1) / kArity; }

  void put(std::size_t place, const Node& node) noexcept {
    nodes_[place] = node;
    placed_(node.item, place);
  }

  void sift_up(std::size_t place, Node node) noexcept {
    for (; place > 0 && node.before(nodes_[parent_of(place)]); place = parent_of(place)) {
      put(place, nodes_[parent_of(place)]);
    }
    put(place, node);
  }

  void sift_down(std::size_t place, Node node) noexcept {
    for (;;) {
      const std::size_t first = place * kArity + 1;
      if (first >= nodes_.size()) break;
      const std::size_t last = std::min(first + kArity, nodes_.size());
      std::size_t least = first;
      for (std::size_t child = first + 1; child < last; ++child) {
        if (nodes_[child].before(nodes_[least])) least = child;
      }
      if (!nodes_[least].before(node)) break;
      put(place, nodes_[least]);
      place = least;
    }
    put(place, node);
  }

  std::vector<Node> nodes_;
  std::uint64_t next_order_ = 0;
  [[no_unique_address]] Placed placed_;
};

}  // namespace data_bridge::runtime
