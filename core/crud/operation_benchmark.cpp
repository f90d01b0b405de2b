// What an operation costs without HTTP: a page, an item, a body on its way to the store.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <utility>

#include "crud/operation.hpp"
#include "crud/test_support.hpp"
#include "runtime/reactor.hpp"

namespace data_bridge::crud {
namespace {

struct Setup {
  Setup() {
    resource = make_resource(product_spec(), {.table = "products"}, kInt, 100);
    if (!resource->attach(store.store())) std::abort();
    Client client(resource);
    for (int i = 0; i < 100; ++i) {
      client.create(R"({"name":"A name of usual length","price":12.5,"tags":["red","green"]})");
    }
  }
  TemporaryStore store;
  std::shared_ptr<Resource> resource;
};

void read(benchmark::State& state, OperationKind kind, Request request, int reads_per_turn) {
  const Setup setup;
  const auto operation = make_operation(kind, setup.resource);
  runtime::Reactor reactor;
  Response response;
  while (state.KeepRunningBatch(reads_per_turn)) {
    for (int i = 0; i < reads_per_turn; ++i) {
      const auto pending = operation->begin(request, &reactor, std::move(response));
      response = std::move(pending->response());
      benchmark::DoNotOptimize(response.body.data());
    }
    reactor.finish_turn();
  }
  state.counters["bytes"] = static_cast<double>(response.body.size());
}

void get_one_per_turn(benchmark::State& state) { read(state, OperationKind::kGet, {.key = "50"}, 1); }
void get_sixteen_per_turn(benchmark::State& state) { read(state, OperationKind::kGet, {.key = "50"}, 16); }
void list_five_per_turn(benchmark::State& state) {
  read(state, OperationKind::kList, {.path = "/products", .query = "limit=5"}, 16);
}
void list_twenty_per_turn(benchmark::State& state) {
  read(state, OperationKind::kList, {.path = "/products", .query = "limit=20"}, 16);
}

void validate_a_create(benchmark::State& state) {
  const Setup setup;
  const auto operation = make_operation(OperationKind::kCreate, setup.resource);
  const Request request{.path = "/products",
                        .content_type = "application/json",
                        .body = R"({"name":"A name of usual length","price":12.5,"tags":["red","green"]})"};
  Response response;
  for (auto step : state) {
    (void)step;
    benchmark::DoNotOptimize(operation->prepare(request, response));
  }
}

BENCHMARK(get_one_per_turn);
BENCHMARK(get_sixteen_per_turn);
BENCHMARK(list_five_per_turn);
BENCHMARK(list_twenty_per_turn);
BENCHMARK(validate_a_create);

}  // namespace
}  // namespace data_bridge::crud
