// The cost of finding a route: the last of many must cost what the first does.
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "routing/route_table.hpp"

namespace data_bridge::routing {
namespace {

class NullEndpoint final : public Endpoint {
 public:
  void serve(http::Exchange&, PathParameters) override {}
};

/// An included router's worth of ordinary resources: /api/v1/resource<i>/{item_id:int}/detail.
std::shared_ptr<const RouteTable> resources(int count) {
  RouteTable::Builder builder;
  const auto endpoint = std::make_shared<NullEndpoint>();
  for (int i = 0; i < count; ++i) {
    const auto added =
        builder.add({"/api/v1/resource" + std::to_string(i) + "/{item_id:int}/detail", {"GET"}, endpoint, "GET"});
    if (!added) return nullptr;
  }
  return builder.build();
}

void find_and_capture(benchmark::State& state, const RouteTable& table, const std::string& path) {
  std::array<std::string_view, 4> values;
  for (auto step : state) {
    (void)step;
    const RouteTable::Found found = table.find("GET", path);
    if (found.full == RouteTable::kNone) {
      state.SkipWithError("not found");
      return;
    }
    benchmark::DoNotOptimize(table.parameters(found.full, path, values));
  }
}

void first_route(benchmark::State& state) {
  const auto table = resources(static_cast<int>(state.range(0)));
  find_and_capture(state, *table, "/api/v1/resource0/12345/detail");
}

void last_route(benchmark::State& state) {
  const auto table = resources(static_cast<int>(state.range(0)));
  find_and_capture(state, *table, "/api/v1/resource" + std::to_string(state.range(0) - 1) + "/12345/detail");
}

void not_found(benchmark::State& state) {
  const auto table = resources(static_cast<int>(state.range(0)));
  for (auto step : state) {
    (void)step;
    benchmark::DoNotOptimize(table->find("GET", "/api/v1/resource0/abc/detail"));
  }
}

void mixed_segment(benchmark::State& state) {
  RouteTable::Builder builder;
  if (!builder.add({"/files/{name}.{extension}", {"GET"}, std::make_shared<NullEndpoint>(), "GET"})) {
    state.SkipWithError("not compiled");
    return;
  }
  find_and_capture(state, *builder.build(), "/files/annual-report.2024.pdf");
}

BENCHMARK(first_route)->Arg(1)->Arg(200)->Arg(2000);
BENCHMARK(last_route)->Arg(1)->Arg(200)->Arg(2000);
BENCHMARK(not_found)->Arg(200);
BENCHMARK(mixed_segment);

}  // namespace
}  // namespace data_bridge::routing
