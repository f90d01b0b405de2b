// Parsing and writing an ordinary body of seven fields, and a page of them.
#include <benchmark/benchmark.h>

#include <string>

#include "json/parser.hpp"
#include "json/writer.hpp"

namespace data_bridge::json {
namespace {

const std::string kBody = R"({"name":"Espresso machine","price":249.9,"in_stock":true,"tags":["kitchen","coffee"],)"
                          R"("made":"2024-02-29T12:34:56Z","id":"12345678-1234-4234-8234-123456789abc","weight":12})";

std::string page() {
  std::string text = "[";
  for (int i = 0; i < 100; ++i) {
    text += (i ? "," : "") + kBody;
  }
  return text + "]";
}

void parse_text(benchmark::State& state, const std::string& text) {
  Arena arena;
  for (auto step : state) {
    (void)step;
    arena.reset();
    benchmark::DoNotOptimize(parse(text, arena));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

void parse_body(benchmark::State& state) { parse_text(state, kBody); }
void parse_page(benchmark::State& state) { parse_text(state, page()); }

void write_page(benchmark::State& state) {
  const std::string text = page();
  Arena arena;
  const auto value = parse(text, arena);
  std::string out;
  for (auto step : state) {
    (void)step;
    out.clear();
    benchmark::DoNotOptimize(write(out, *value, Style::kPydantic));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

BENCHMARK(parse_body);
BENCHMARK(parse_page);
BENCHMARK(write_page);

}  // namespace
}  // namespace data_bridge::json
