// What stands around every answer, and its way through that.
#include "http/layer.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

#include "http/fields.hpp"
#include "http/passage.hpp"
#include "http/status.hpp"

namespace data_bridge::http {

// --- EditableHead

std::optional<std::string_view> EditableHead::get(std::string_view name) const noexcept {
  return find_field(headers_, name);
}

void EditableHead::add(std::string_view name, std::string_view value) {
  const std::string_view kept = keep(name);
  headers_.push_back({kept, keep(value)});
}

void EditableHead::set(std::string_view name, std::string_view value) {
  const auto first =
      std::ranges::find_if(headers_, [&](const Header& field) { return text::equals_ignoring_case(field.name, name); });
  if (first == headers_.end()) return add(name, value);
  // Copied first: they may be views of what is replaced.
  const std::string_view kept = keep(name);
  *first = {kept, keep(value)};
  headers_.erase(std::remove_if(first + 1, headers_.end(),
                                [&](const Header& field) { return text::equals_ignoring_case(field.name, kept); }),
                 headers_.end());
}

void EditableHead::remove(std::string_view name) noexcept {
  std::erase_if(headers_, [&](const Header& field) { return text::equals_ignoring_case(field.name, name); });
}

// --- Pipeline

Pipeline::Pipeline(std::vector<std::shared_ptr<Layer>> layers) {
  members_.reserve(layers.size());
  for (std::shared_ptr<Layer>& layer : layers) {
    const Layer::Calls calls = layer->calls();
    calls_.requests |= calls.requests;
    calls_.heads |= calls.heads;
    calls_.answered |= calls.answered;
    calls_.forwarded |= calls.forwarded;
    calls_.refused |= calls.refused;
    members_.push_back({std::move(layer), calls});
  }
}

bool Pipeline::answers(const Request& request) const {
  return calls_.requests && std::ranges::any_of(members_, [&](const Member& member) {
           return member.calls.requests && member.layer->answers(request);
         });
}

void Pipeline::answered(const Answered& answered) const noexcept {
  for (const Member& member : members_) {
    if (member.calls.answered) member.layer->on_answered(answered);
  }
}

void Pipeline::refused(int status) const noexcept {
  for (const Member& member : members_) {
    if (member.calls.refused) member.layer->on_refused(status);
  }
}

// --- Passage

bool Passage::enter(const Pipeline& pipeline, Exchange& exchange) {
  for (const Pipeline::Member& member : pipeline.members()) {
    std::unique_ptr<LayerState> state;
    if (member.calls.requests && member.layer->on_request(exchange, state)) return true;
    if (member.calls.heads) stages_.push_back({member.layer.get(), std::move(state)});
  }
  return false;
}

void Passage::join(const Pipeline& pipeline) {
  for (const Pipeline::Member& member : pipeline.members()) {
    if (member.calls.heads) stages_.push_back({member.layer.get(), nullptr});
  }
}

void Passage::leave(std::size_t depth) noexcept {
  if (stages_.size() > depth) stages_.resize(depth);
}

std::size_t Passage::largest_body() const noexcept {
  std::size_t least = SIZE_MAX;
  for (const Stage& stage : stages_) least = std::min(least, stage.layer->largest_body(stage.state.get()));
  return least;
}

void Passage::edit(EditableHead& head, bool sends_body) {
  for (Stage& stage : std::views::reverse(stages_)) {
    stage.layer->on_head(head, stage.state.get());
    if (is_bodiless(head.status())) continue;
    std::unique_ptr<BodyFilter> filter = stage.layer->filter(head, stage.state.get());
    if (filter == nullptr) continue;
    head.remove("content-length");
    if (head.body() && sends_body) {  // now, so that the layers further out see what they get
      next_.clear();
      filter->filter(*head.body(), true, next_);
      head.set_body(std::string(next_.view()));
    } else {
      filters_.push_back(std::move(filter));
    }
  }
}

std::string_view Passage::filter(std::string_view piece, bool last) {
  for (const std::unique_ptr<BodyFilter>& filter : filters_) {
    next_.clear();
    filter->filter(piece, last, next_);
    std::swap(next_, filtered_);
    piece = filtered_.view();
  }
  return piece;
}

}  // namespace data_bridge::http
