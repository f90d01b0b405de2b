// Validation of a body of seven fields: what one CRUD create pays before it reaches the store.
#include <benchmark/benchmark.h>

#include <string>

#include "json/writer.hpp"
#include "schema/body.hpp"
#include "schema/model.hpp"

namespace data_bridge::schema {
namespace {

constexpr std::string_view kSpec = R"({"version":1,"dialect":{"trailing_comma_message":true,"max_depth":900},
  "definitions":{},"schema":{"type":"model","name":"Product","extra":"ignore","fields":[
    {"name":"name","keys":["name"],"output_key":"name","schema":{"type":"str","min_length":1,"max_length":80}},
    {"name":"price","keys":["price"],"output_key":"price","schema":{"type":"float","gt":0}},
    {"name":"in_stock","keys":["in_stock"],"output_key":"in_stock","default":true,"schema":{"type":"bool"}},
    {"name":"tags","keys":["tags"],"output_key":"tags","default":[],
     "schema":{"type":"list","items":{"type":"str"}}},
    {"name":"made","keys":["made"],"output_key":"made","schema":{"type":"datetime"}},
    {"name":"id","keys":["id"],"output_key":"id","schema":{"type":"uuid","words":"current"}},
    {"name":"weight","keys":["weight"],"output_key":"weight","schema":{"type":"int","ge":0,"le":100}}]}})";

constexpr std::string_view kBody =
    R"({"name":"Espresso machine","price":249.9,"in_stock":true,"tags":["kitchen","coffee"],)"
    R"("made":"2024-02-29T12:34:56Z","id":"12345678-1234-4234-8234-123456789abc","weight":12})";

void parse_and_validate(benchmark::State& state) {
  const auto model = Model::compile(kSpec).value();
  json::Arena arena;
  for (auto step : state) {
    (void)step;
    arena.reset();
    benchmark::DoNotOptimize(validate_body(*model, kBody, true, arena));
  }
}

void parse_validate_and_write(benchmark::State& state) {
  const auto model = Model::compile(kSpec).value();
  json::Arena arena;
  std::string out;
  for (auto step : state) {
    (void)step;
    arena.reset();
    out.clear();
    const auto value = validate_body(*model, kBody, true, arena);
    benchmark::DoNotOptimize(json::write(out, *value, json::Style::kPydantic));
  }
}

void four_errors(benchmark::State& state) {
  const auto model = Model::compile(kSpec).value();
  json::Arena arena;
  for (auto step : state) {
    (void)step;
    arena.reset();
    benchmark::DoNotOptimize(
        validate_body(*model, R"({"name":"","price":-1,"made":"x","id":"y","weight":5})", true, arena));
  }
}

BENCHMARK(parse_and_validate);
BENCHMARK(parse_validate_and_write);
BENCHMARK(four_errors);

}  // namespace
}  // namespace data_bridge::schema
