// Finding routes in the order of their declaration.
#include "routing/route_table.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "routing/methods.hpp"

namespace data_bridge::routing {
namespace {

class NullEndpoint final : public Endpoint {
 public:
  void serve(http::Exchange&, PathParameters) override {}
};

struct Declared {
  std::string path;
  std::vector<std::string> methods;
};

std::shared_ptr<const RouteTable> compile(const std::vector<Declared>& routes, RoutingOptions options = {}) {
  RouteTable::Builder builder(std::move(options));
  const auto endpoint = std::make_shared<NullEndpoint>();
  for (const Declared& route : routes) {
    if (route.path == "opaque") {
      builder.add_opaque(endpoint);
    } else {
      EXPECT_TRUE(builder.add({route.path, route.methods, endpoint, "GET"}).has_value()) << route.path;
    }
  }
  return builder.build();
}

constexpr std::uint32_t kNone = RouteTable::kNone;

TEST(RouteTable, FirstDeclaredWins) {
  const auto table = compile({{"/users/me", {"GET"}}, {"/users/{id}", {"GET"}}, {"/users/you", {"GET"}}});
  EXPECT_EQ(table->find("GET", "/users/me").full, 0U);
  EXPECT_EQ(table->find("GET", "/users/you").full, 1U);
  EXPECT_EQ(table->find("GET", "/users/7").full, 1U);
}

TEST(RouteTable, ALaterFullMatchBeatsAnEarlierPartialOne) {
  const auto table = compile({{"/users/me", {"GET"}}, {"/users/{id}", {"PUT"}}, {"/{p:path}", {"DELETE"}}});
  EXPECT_EQ(table->find("PUT", "/users/me").full, 1U);
  EXPECT_EQ(table->find("DELETE", "/users/me").full, 2U);
  EXPECT_EQ(table->find("POST", "/users/me").full, kNone);
  EXPECT_EQ(table->find("POST", "/users/me").partial, 0U);
  EXPECT_EQ(table->find("POST", "/users/x").partial, 1U);
  EXPECT_EQ(table->find("PUT", "/users/me").partial, kNone);
}

TEST(RouteTable, BacktracksIntoOtherBranches) {
  const auto table = compile({{"/a/{x}/c", {}}, {"/{y}/b/d", {}}, {"/a/b/{z:int}", {}}, {"/{p:path}/d", {}}});
  EXPECT_EQ(table->find("GET", "/a/b/c").full, 0U);
  EXPECT_EQ(table->find("GET", "/a/b/d").full, 1U);
  EXPECT_EQ(table->find("GET", "/a/b/9").full, 2U);
  EXPECT_EQ(table->find("GET", "/a/q/d").full, 3U);
  EXPECT_FALSE(table->find("GET", "/a/b/x").any());
}

TEST(RouteTable, ParametersOfTheWinner) {
  const auto table = compile({{"/{a}/x-{b:int}.{c}/{rest:path}", {}}});
  const std::string_view path = "/one/x-12.tar.gz/deep/er";
  ASSERT_EQ(table->find("GET", path).full, 0U);
  std::array<std::string_view, 4> values;
  ASSERT_EQ(table->max_parameters(), values.size());
  ASSERT_EQ(table->parameters(0, path, values), 4U);
  EXPECT_EQ(values[0], "one");
  EXPECT_EQ(values[1], "12");
  EXPECT_EQ(values[2], "tar.gz");
  EXPECT_EQ(values[3], "deep/er");
}

TEST(RouteTable, MethodsAreExact) {
  const auto table = compile({{"/x", {"GET", "PURGE"}}, {"/any", {}}});
  EXPECT_EQ(table->find("PURGE", "/x").full, 0U);
  EXPECT_EQ(table->find("get", "/x").full, kNone);
  EXPECT_EQ(table->find("HEAD", "/x").partial, 0U);
  EXPECT_EQ(table->find("BREW", "/any").full, 1U);
}

TEST(RouteTable, OpaqueTakesWhatNoEarlierRouteMatches) {
  const auto table = compile({{"/a", {"GET"}}, {"opaque", {}}, {"/b", {"GET"}}});
  EXPECT_EQ(table->find("GET", "/a").full, 0U);
  EXPECT_EQ(table->find("POST", "/a").full, 1U);
  EXPECT_EQ(table->find("GET", "/b").full, 1U);
  std::array<std::string_view, 1> values;
  EXPECT_EQ(table->parameters(1, "/b", values), 0U);
}

TEST(RouteTable, EmptySegmentsCount) {
  const auto table = compile({{"/", {}}, {"/a/", {}}, {"/{x}", {}}, {"/f/{p:path}", {}}});
  EXPECT_EQ(table->find("GET", "/").full, 0U);
  EXPECT_EQ(table->find("GET", "/a/").full, 1U);
  EXPECT_EQ(table->find("GET", "/a").full, 2U);
  EXPECT_FALSE(table->find("GET", "//a").any());
  EXPECT_FALSE(table->find("GET", "").any());
  EXPECT_FALSE(table->find("GET", "*").any());
  EXPECT_EQ(table->find("GET", "/f/").full, 3U);
  EXPECT_EQ(table->find("GET", "/f").full, 2U);
}

TEST(RouteTable, RootPathIsTakenOffBeforeASlashOnly) {
  const auto table = compile({{"/x", {}}}, {.root_path = "/api"});
  EXPECT_EQ(table->route_path("/api/x"), "/x");
  EXPECT_EQ(table->route_path("/apix"), "/apix");
  EXPECT_EQ(table->route_path("/api"), "");
  EXPECT_EQ(table->route_path("/x"), "/x");
}

TEST(RouteTable, RefusesCustomConvertorsAndAddsNothing) {
  RouteTable::Builder builder;
  EXPECT_FALSE(builder.add({"/{d:date}", {}, nullptr, {}}).has_value());
  EXPECT_FALSE(builder.add({"no-slash", {}, nullptr, {}}).has_value());
  EXPECT_EQ(builder.build()->size(), 0U);
}

/// The rule itself, by a scan: what Starlette does.
RouteTable::Found scan(const std::vector<Declared>& routes, std::string_view method, std::string_view path) {
  RouteTable::Found found;
  for (std::uint32_t i = 0; i < routes.size(); ++i) {
    if (!PathPattern::parse(routes[i].path)->match(path, End::kDollar)) continue;
    if (MethodSet(routes[i].methods).contains(Method(method))) return {.full = i, .partial = kNone};
    if (found.partial == kNone) found.partial = i;
  }
  return found;
}

TEST(RouteTable, EqualsAScanOverRandomTables) {
  std::mt19937 random(20240611);
  const auto pick = [&](const auto& list) { return list[random() % std::size(list)]; };
  const std::array<std::string, 12> segments{"a",        "b",           "",     "{#}",       "{#:int}", "{#:float}",
                                             "{#:path}", "{#}.{#:int}", "a{#}", "{#:path}x", "1",       "{#:int}.5"};
  const std::array<std::string, 11> pieces{"a", "b", "", "1", "1.5", "a1", "x", "\n", "ax", "1.", "b.7"};
  const std::array<std::string, 3> methods{"GET", "POST", "PURGE"};
  int hits = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<Declared> routes;
    for (int i = 0, n = 1 + static_cast<int>(random() % 12); i < n; ++i) {
      Declared route;
      int name = 0;
      for (int depth = 1 + static_cast<int>(random() % 4); depth > 0; --depth) {
        route.path += '/';
        for (const char c : pick(segments)) {
          if (c == '#') {
            route.path += "p" + std::to_string(name++);
          } else {
            route.path += c;
          }
        }
      }
      for (const std::string& method : methods) {
        if (random() % 2 == 0) route.methods.push_back(method);
      }
      routes.push_back(std::move(route));
    }
    const auto table = compile(routes);
    for (int probe = 0; probe < 60; ++probe) {
      std::string path;
      for (int depth = 1 + static_cast<int>(random() % 4); depth > 0; --depth) path += "/" + std::string(pick(pieces));
      const std::string method = pick(methods);
      const auto expected = scan(routes, method, path);
      const auto found = table->find(method, path);
      ASSERT_EQ(found.full, expected.full) << method << " " << path;
      ASSERT_EQ(found.partial, expected.partial) << method << " " << path;
      hits += expected.any() ? 1 : 0;
    }
  }
  EXPECT_GT(hits, 5000);
}

}  // namespace
}  // namespace data_bridge::routing
