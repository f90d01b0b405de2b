// The tree of segments behind RouteTable: who matches first, without asking everyone.
//
// No convertor but `path` can match a slash, so a template is a sequence of segments that must line up with
// the path's. Each level of the tree is one segment: literals are found by hash, parameters of one kind share a
// branch, segments that mix literals and parameters are matched by their own pattern. From the first segment
// with a `path` parameter on, the rest of the template is one pattern on the rest of the path (a Tail).
// Several branches may match; every subtree knows its first route, so that what cannot win is not entered.
#include "routing/route_table.hpp"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <utility>

#include "routing/methods.hpp"

namespace data_bridge::routing {
namespace {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

/// The elements of a template between two slashes; empty for "".
using Segment = std::vector<Element>;

std::vector<Segment> split_at_slashes(const std::vector<Element>& elements) {
  std::vector<Segment> segments(1);
  for (const Element& element : elements) {
    if (!element.literal) {
      segments.back().push_back(element);
      continue;
    }
    std::string_view rest = element.text;
    for (;;) {
      const std::size_t slash = rest.find('/');
      const std::string_view piece = rest.substr(0, slash);
      if (!piece.empty()) segments.back().push_back(Element{.literal = true, .text = std::string(piece)});
      if (slash == std::string_view::npos) break;
      segments.emplace_back();
      rest.remove_prefix(slash + 1);
    }
  }
  return segments;
}

bool same_shape(const std::vector<Element>& a, const std::vector<Element>& b) {
  return std::ranges::equal(a, b, [](const Element& x, const Element& y) { return x.same_shape(y); });
}

bool has_path_parameter(const Segment& segment) {
  return std::ranges::any_of(segment, [](const Element& e) { return !e.literal && e.convertor == Convertor::kPath; });
}

}  // namespace

struct RouteTable::Route {
  PathPattern pattern;
  MethodSet methods;
  std::shared_ptr<Endpoint> endpoint;
  std::string allow;
  std::shared_ptr<const http::Pipeline> layers;
};

struct RouteTable::Node {
  struct Branch {
    PathPattern pattern;
    std::unique_ptr<Node> node;
  };
  struct Tail {
    PathPattern pattern;
    std::uint32_t route;
  };

  std::uint32_t first = kNone;  ///< the lowest route in this subtree
  std::unordered_map<std::string, std::unique_ptr<Node>, StringHash, std::equal_to<>> literals;
  std::vector<Branch> branches;     ///< by their first route
  std::vector<std::uint32_t> ends;  ///< routes whose last segment this is
  std::vector<Tail> tails;

  /// The child for the next segment of a template, made where there is none.
  Node& child(const Segment& segment) {
    if (segment.empty() || (segment.size() == 1 && segment.front().literal)) {
      auto& node = literals[segment.empty() ? std::string() : segment.front().text];
      if (!node) node = std::make_unique<Node>();
      return *node;
    }
    for (Branch& branch : branches) {
      if (same_shape(branch.pattern.elements(), segment)) return *branch.node;
    }
    // Routes come in ascending order, so branches do too.
    return *branches.emplace_back(PathPattern(segment), std::make_unique<Node>()).node;
  }
};

/// One look through the tree.
class RouteTable::Search {
 public:
  Search(const RouteTable& table, std::string_view method) noexcept
      : table_(table), method_(method), found_{.full = table.first_opaque_, .partial = kNone} {}

  /// `rest` begins after the slash that precedes the segment to match below `node`.
  void visit(const Node& node, std::string_view rest) {
    if (node.first > found_.full) return;
    for (const Node::Tail& tail : node.tails) {
      if (tail.route > found_.full) break;
      if (tail.pattern.match(rest, End::kExact)) offer(tail.route);
    }
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    if (const auto literal = node.literals.find(segment); literal != node.literals.end()) {
      descend(*literal->second, rest, slash);
    }
    for (const Node::Branch& branch : node.branches) {
      if (branch.node->first > found_.full) break;
      if (branch.pattern.match(segment, End::kExact)) descend(*branch.node, rest, slash);
    }
  }

  [[nodiscard]] Found found() const noexcept { return found_; }

 private:
  void descend(const Node& node, std::string_view rest, std::size_t slash) {
    if (slash != std::string_view::npos) {
      visit(node, rest.substr(slash + 1));
      return;
    }
    for (const std::uint32_t route : node.ends) {
      if (route > found_.full) break;
      offer(route);
    }
  }

  void offer(std::uint32_t route) noexcept {
    if (table_.routes_[route].methods.contains(method_)) {
      found_.full = std::min(found_.full, route);
    } else {
      found_.partial = std::min(found_.partial, route);
    }
  }

  const RouteTable& table_;
  Method method_;
  Found found_;
};

RouteTable::RouteTable(RoutingOptions options) : options_(std::move(options)), root_(std::make_unique<Node>()) {}
RouteTable::~RouteTable() = default;

RouteTable::Found RouteTable::find(std::string_view method, std::string_view route_path) const {
  Search search(*this, method);
  if (route_path.starts_with('/')) {
    search.visit(*root_, route_path.substr(1));
    // Starlette's expressions end in `$`, which also matches before a last line feed: "/items%0A" finds "/items".
    if (route_path.ends_with('\n')) search.visit(*root_, route_path.substr(1, route_path.size() - 2));
  }
  Found found = search.found();
  if (found.full != kNone) found.partial = kNone;
  return found;
}

std::size_t RouteTable::parameters(std::uint32_t route, std::string_view route_path,
                                   std::span<std::string_view> values) const {
  const PathPattern& pattern = routes_[route].pattern;
  if (pattern.parameter_count() == 0) return 0;
  return pattern.match(route_path, End::kDollar, values.first(pattern.parameter_count())) ? pattern.parameter_count()
                                                                                          : 0;
}

std::string_view route_path(std::string_view path, std::string_view root_path) noexcept {
  if (root_path.empty() || !path.starts_with(root_path)) return path;
  if (path.size() == root_path.size()) return {};
  return path[root_path.size()] == '/' ? path.substr(root_path.size()) : path;
}

std::string_view RouteTable::route_path(std::string_view path) const noexcept {
  return routing::route_path(path, options_.root_path);
}

const std::shared_ptr<Endpoint>& RouteTable::endpoint(std::uint32_t route) const noexcept {
  return routes_[route].endpoint;
}

std::size_t RouteTable::size() const noexcept { return routes_.size(); }

std::string_view RouteTable::allow(std::uint32_t route) const noexcept { return routes_[route].allow; }

const std::shared_ptr<const http::Pipeline>& RouteTable::layers(std::uint32_t route) const noexcept {
  return routes_[route].layers;
}

RouteTable::Builder::Builder(RoutingOptions options) : table_(new RouteTable(std::move(options))) {}
RouteTable::Builder::~Builder() = default;

std::expected<std::uint32_t, std::string> RouteTable::Builder::add(RouteSpec route) {
  if (!route.path.starts_with('/')) return std::unexpected("the path does not start with a slash");
  auto pattern = PathPattern::parse(route.path);
  if (!pattern) return std::unexpected(std::move(pattern.error()));

  const auto index = static_cast<std::uint32_t>(table_->routes_.size());
  const std::vector<Segment> segments = split_at_slashes(pattern->elements());
  Node* node = table_->root_.get();
  const auto enter = [index](Node& entered) { entered.first = std::min(entered.first, index); };
  enter(*node);
  // segments[0] is what precedes the leading slash: nothing.
  for (std::size_t i = 1; i < segments.size(); ++i) {
    if (has_path_parameter(segments[i])) {
      std::vector<Element> rest = segments[i];
      for (std::size_t j = i + 1; j < segments.size(); ++j) {
        rest.push_back(Element{.literal = true, .text = "/"});
        rest.insert(rest.end(), segments[j].begin(), segments[j].end());
      }
      node->tails.push_back({PathPattern(std::move(rest)), index});
      node = nullptr;
      break;
    }
    node = &node->child(segments[i]);
    enter(*node);
  }
  if (node != nullptr) node->ends.push_back(index);

  table_->max_parameters_ = std::max(table_->max_parameters_, pattern->parameter_count());
  table_->routes_.push_back({std::move(*pattern), MethodSet(route.methods), std::move(route.endpoint),
                             std::move(route.allow), std::move(route.layers)});
  return index;
}

std::uint32_t RouteTable::Builder::add_opaque(std::shared_ptr<Endpoint> endpoint,
                                              std::shared_ptr<const http::Pipeline> layers) {
  const auto index = static_cast<std::uint32_t>(table_->routes_.size());
  table_->first_opaque_ = std::min(table_->first_opaque_, index);
  table_->routes_.push_back({PathPattern(), MethodSet(), std::move(endpoint), std::string(), std::move(layers)});
  return index;
}

std::shared_ptr<const RouteTable> RouteTable::Builder::build() {
  auto next = std::unique_ptr<RouteTable>(new RouteTable({}));
  std::shared_ptr<const RouteTable> built = std::exchange(table_, std::move(next));
  return built;
}

}  // namespace data_bridge::routing
