// The way of one request and its answer through the layers.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "http/layer.hpp"
#include "runtime/buffer.hpp"

namespace data_bridge::http {

/// For protocols and Exchange. The pipelines must outlive it.
class Passage {
 public:
  /// On the way in. True: one of them answers.
  [[nodiscard]] bool enter(const Pipeline& pipeline, Exchange& exchange);
  /// For an answer before anybody was asked.
  void join(const Pipeline& pipeline);

  /// How many layers want to see the head.
  [[nodiscard]] std::size_t depth() const noexcept { return stages_.size(); }
  /// Back to the outermost `depth` of them: those further in will not see the answer.
  void leave(std::size_t depth) noexcept;

  /// The least Layer::largest_body() of them.
  [[nodiscard]] std::size_t largest_body() const noexcept;

  /// On the way out, from the innermost. Without a Content-Length where somebody filters the body. A whole body is
  /// filtered here where `sends_body`, else by filter(), piece by piece.
  void edit(EditableHead& head, bool sends_body);
  /// Somebody changes a body that has not been changed yet.
  [[nodiscard]] bool filters() const noexcept { return !filters_.empty(); }
  /// What is sent for a piece of the body; valid until the next call.
  [[nodiscard]] std::string_view filter(std::string_view piece, bool last);

 private:
  struct Stage {
    Layer* layer = nullptr;
    std::unique_ptr<LayerState> state;
  };

  std::vector<Stage> stages_;                         // that see heads, the outermost first
  std::vector<std::unique_ptr<BodyFilter>> filters_;  // the innermost first
  runtime::Buffer filtered_;
  runtime::Buffer next_;
};

}  // namespace data_bridge::http
