// Matching a path template: straight where nothing can be given back, by a table of reachable ends elsewhere.
#include "routing/path_pattern.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "text/characters.hpp"
#include "text/utf8.hpp"

namespace data_bridge::routing {
namespace {

/// What a run of characters consists of.
enum class Run : std::uint8_t { kSegment, kLine, kDigits };

constexpr bool belongs(Run run, char c) noexcept {
  switch (run) {
    case Run::kSegment:
      return c != '/';
    case Run::kLine:
      return c != '\n';
    case Run::kDigits:
      return text::is_digit(c);
  }
  return false;
}

/// Where runs end, found by looking.
struct ScannedRuns {
  std::string_view text;

  [[nodiscard]] std::size_t end(Run run, std::size_t at) const noexcept {
    if (run == Run::kSegment) return std::min(text.find('/', at), text.size());
    while (at < text.size() && belongs(run, text[at])) ++at;
    return at;
  }
};

/// The same for every place of the text at once: without it a long run would be scanned from each of its places.
class TabledRuns {
 public:
  explicit TabledRuns(std::string_view text) {
    for (const Run run : {Run::kSegment, Run::kLine, Run::kDigits}) {
      std::vector<std::size_t>& ends = ends_[static_cast<std::size_t>(run)];
      ends.resize(text.size() + 1, text.size());
      for (std::size_t at = text.size(); at-- > 0;) ends[at] = belongs(run, text[at]) ? ends[at + 1] : at;
    }
  }
  [[nodiscard]] std::size_t end(Run run, std::size_t at) const noexcept {
    return ends_[static_cast<std::size_t>(run)][at];
  }

 private:
  std::array<std::vector<std::size_t>, 3> ends_;
};

std::optional<std::size_t> end_of_uuid(std::string_view text, std::size_t at) noexcept {
  constexpr std::array<std::size_t, 5> kGroups{8, 4, 4, 4, 12};
  for (std::size_t group = 0; group < kGroups.size(); ++group) {
    if (group > 0 && at < text.size() && text[at] == '-') ++at;
    for (std::size_t i = 0; i < kGroups[group]; ++i, ++at) {
      if (at >= text.size() || !text::is_hex_digit(text[at])) return std::nullopt;
    }
  }
  return at;
}

/// Where a parameter that begins at one place may end: [low, high], the longest preferred.
struct Range {
  std::size_t low = 1;
  std::size_t high = 0;
  [[nodiscard]] bool empty() const noexcept { return low > high; }
};

/// In the order in which `re` would try them; only a float has two (with and without its fraction).
using Ranges = std::array<Range, 2>;

template <typename Runs>
Ranges ends_from(Convertor convertor, std::string_view text, std::size_t at, const Runs& runs) noexcept {
  switch (convertor) {
    case Convertor::kStr:
      return {Range{at + 1, runs.end(Run::kSegment, at)}, Range{}};
    case Convertor::kPath:
      return {Range{at, runs.end(Run::kLine, at)}, Range{}};
    case Convertor::kInt:
      return {Range{at + 1, runs.end(Run::kDigits, at)}, Range{}};
    case Convertor::kFloat: {
      const std::size_t whole = runs.end(Run::kDigits, at);
      Range fraction;
      if (whole > at && whole < text.size() && text[whole] == '.') {
        fraction = {whole + 2, runs.end(Run::kDigits, whole + 1)};
      }
      return {fraction, Range{at + 1, whole}};
    }
    case Convertor::kUuid: {
      const auto end = end_of_uuid(text, at);
      return {end ? Range{*end, *end} : Range{}, Range{}};
    }
  }
  return {};
}

bool ends_here(std::string_view text, std::size_t at, End end) noexcept {
  return at == text.size() || (end == End::kDollar && at + 1 == text.size() && text[at] == '\n');
}

constexpr bool starts_name(char c) noexcept { return text::is_letter(c) || c == '_'; }

/// The end of [a-zA-Z_][a-zA-Z0-9_]* at `at`, or `at` where there is none.
std::size_t end_of_name(std::string_view text, std::size_t at) noexcept {
  if (at >= text.size() || !starts_name(text[at])) return at;
  while (at < text.size() && (starts_name(text[at]) || text::is_digit(text[at]))) ++at;
  return at;
}

std::optional<Convertor> convertor_named(std::string_view name) noexcept {
  if (name == "str") return Convertor::kStr;
  if (name == "int") return Convertor::kInt;
  if (name == "float") return Convertor::kFloat;
  if (name == "uuid") return Convertor::kUuid;
  if (name == "path") return Convertor::kPath;
  return std::nullopt;
}

}  // namespace

PathPattern::PathPattern(std::vector<Element> elements) : elements_(std::move(elements)) {
  for (std::size_t i = 0; i < elements_.size(); ++i) {
    if (elements_[i].literal) continue;
    ++parameter_count_;
    const bool last = i + 1 == elements_.size();
    // A slash ends every convertor but `path`, so what precedes one never has to give anything back.
    const bool before_slash = !last && elements_[i + 1].literal && elements_[i + 1].text.starts_with('/');
    straight_ = straight_ && (last || (before_slash && elements_[i].convertor != Convertor::kPath));
  }
}

std::expected<PathPattern, std::string> PathPattern::parse(std::string_view path_template) {
  // starlette.routing.PARAM_REGEX: {([a-zA-Z_][a-zA-Z0-9_]*)(:[a-zA-Z_][a-zA-Z0-9_]*)?}; other braces are literal.
  std::vector<Element> elements;
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) elements.push_back(Element{.literal = true, .text = std::move(literal)});
    literal.clear();
  };
  std::size_t at = 0;
  while (at < path_template.size()) {
    const std::size_t name_end = path_template[at] == '{' ? end_of_name(path_template, at + 1) : at + 1;
    std::string_view kind = "str";
    std::size_t close = name_end;
    if (path_template[at] == '{' && name_end > at + 1 && close < path_template.size() && path_template[close] == ':') {
      const std::size_t kind_end = end_of_name(path_template, close + 1);
      kind = path_template.substr(close + 1, kind_end - close - 1);
      close = kind.empty() ? path_template.size() : kind_end;
    }
    if (path_template[at] != '{' || name_end == at + 1 || close >= path_template.size() ||
        path_template[close] != '}') {
      literal.push_back(path_template[at++]);
      continue;
    }
    const std::string_view name = path_template.substr(at + 1, name_end - at - 1);
    const auto convertor = convertor_named(kind);
    if (!convertor) return std::unexpected("unknown path convertor '" + std::string(kind) + "'");
    for (const Element& element : elements) {
      if (!element.literal && element.text == name) {
        return std::unexpected("path parameter '" + std::string(name) + "' is there twice");
      }
    }
    flush();
    elements.push_back(Element{.literal = false, .convertor = *convertor, .text = std::string(name)});
    at = close + 1;
  }
  flush();
  return PathPattern(std::move(elements));
}

bool PathPattern::match(std::string_view text, End end, std::span<std::string_view> captures) const {
  return straight_ ? match_straight(text, end, captures) : match_general(text, end, captures);
}

bool PathPattern::match_straight(std::string_view text, End end, std::span<std::string_view> captures) const {
  std::size_t at = 0;
  std::size_t capture = 0;
  for (const Element& element : elements_) {
    if (element.literal) {
      if (!text.substr(at).starts_with(element.text)) return false;
      at += element.text.size();
      continue;
    }
    const Ranges ranges = ends_from(element.convertor, text, at, ScannedRuns{text});
    const Range& longest = ranges[0].empty() ? ranges[1] : ranges[0];
    if (longest.empty()) return false;
    if (!captures.empty()) captures[capture++] = text.substr(at, longest.high - at);
    at = longest.high;
  }
  return ends_here(text, at, end);
}

bool PathPattern::match_general(std::string_view text, End end, std::span<std::string_view> captures) const {
  // next[i][p]: the first place q >= p at which elements i, i+1 ... can begin and reach the end; kNone where there is
  // none. Filled from the last element to the first, read from the first to the last.
  const TabledRuns runs(text);
  const std::size_t width = text.size() + 2;
  const std::size_t none = text.size() + 1;
  std::vector<std::size_t> next((elements_.size() + 1) * width, none);
  const auto row = [&](std::size_t i) { return next.data() + i * width; };

  for (std::size_t p = text.size() + 1; p-- > 0;) {
    row(elements_.size())[p] = ends_here(text, p, end) ? p : row(elements_.size())[p + 1];
  }
  for (std::size_t i = elements_.size(); i-- > 0;) {
    const Element& element = elements_[i];
    std::size_t* here = row(i);
    const std::size_t* after = row(i + 1);
    for (std::size_t p = text.size() + 1; p-- > 0;) {
      bool possible = false;
      if (p < text.size() && text::is_continuation(text[p])) {
        // Python matches characters, not bytes: nothing begins or ends inside one.
      } else if (element.literal) {
        possible =
            text.substr(p).starts_with(element.text) && after[p + element.text.size()] == p + element.text.size();
      } else {
        for (const Range& range : ends_from(element.convertor, text, p, runs)) {
          possible = possible || (!range.empty() && after[range.low] <= range.high);
        }
      }
      here[p] = possible ? p : here[p + 1];
    }
  }
  if (row(0)[0] != 0) return false;
  if (captures.empty()) return true;

  std::size_t at = 0;
  std::size_t capture = 0;
  for (std::size_t i = 0; i < elements_.size(); ++i) {
    if (elements_[i].literal) {
      at += elements_[i].text.size();
      continue;
    }
    const std::size_t* after = row(i + 1);
    const std::size_t start = at;
    for (const Range& range : ends_from(elements_[i].convertor, text, start, runs)) {
      if (range.empty() || after[range.low] > range.high) continue;
      at = range.high;
      while (after[at] != at) --at;
      break;
    }
    captures[capture++] = text.substr(start, at - start);
  }
  return true;
}

}  // namespace data_bridge::routing
