// For tests: layers that show everything a layer may do.
#pragma once

#include <algorithm>
#include <cctype>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/exchange.hpp"
#include "http/layer.hpp"

namespace data_bridge::http {

/// Upper case, and its mark at the end.
class ShoutFilter final : public BodyFilter {
 public:
  explicit ShoutFilter(std::string mark) : mark_(std::move(mark)) {}
  void filter(std::string_view piece, bool last, runtime::Buffer& out) override {
    for (const char c : piece) {
      const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      out.append({&upper, 1});
    }
    if (last) out.append(mark_);
  }

 private:
  std::string mark_;
};

/// Changes head and body of every answer, and notes what it is told.
class Shout final : public Layer {
 public:
  struct Seen final : LayerState {
    std::string path;
  };

  explicit Shout(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] Calls calls() const noexcept override {
    return {.requests = true, .heads = true, .answered = true, .refused = true};
  }
  bool on_request(Exchange& exchange, std::unique_ptr<LayerState>& state) override {
    const std::string path(exchange.request().path);
    if (path == "/stopped-by-" + name_) {
      exchange.respond(503, "text/plain", "stopped by " + name_);
      return true;
    }
    auto seen = std::make_unique<Seen>();
    seen->path = path;
    state = std::move(seen);
    return false;
  }
  void on_head(EditableHead& head, LayerState* state) override {
    head.add("x-" + name_, state == nullptr ? "nobody" : static_cast<Seen&>(*state).path);
    head.remove("x-secret");
    if (head.get("x-teapot")) head.set_status(418);
  }
  std::unique_ptr<BodyFilter> filter(const EditableHead& head, LayerState*) override {
    if (head.get("x-plain")) return nullptr;
    return std::make_unique<ShoutFilter>("!" + name_);
  }
  void on_answered(const Answered& answered) noexcept override {
    answers.push_back(std::string(answered.target) + " " + std::to_string(answered.status) + " " +
                      std::to_string(answered.body_size) + (answered.complete ? "" : " broken"));
  }
  void on_refused(int status) noexcept override { refusals.push_back(status); }

  std::vector<std::string> answers;
  std::vector<int> refusals;

 private:
  std::string name_;
};

inline std::shared_ptr<const Pipeline> pipeline(std::vector<std::shared_ptr<Layer>> layers) {
  return std::make_shared<const Pipeline>(std::move(layers));
}

}  // namespace data_bridge::http
