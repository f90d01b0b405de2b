// What the codec costs a message.
#include <benchmark/benchmark.h>

#include <string>

#include "websocket/message_reader.hpp"
#include "websocket/reading_testing.hpp"

namespace {

using data_bridge::websocket::ClientFrame;
using data_bridge::websocket::Deflater;
using data_bridge::websocket::MessageReader;
using data_bridge::websocket::Opcode;

void read_message(benchmark::State& state, Opcode opcode) {
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  const std::string bytes = frame(ClientFrame{.opcode = opcode, .payload = payload});
  MessageReader reader({});
  std::string copy;
  for (auto _ : state) {
    copy = bytes;
    std::span<char> rest(copy);
    benchmark::DoNotOptimize(reader.next(rest));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(read_message, text, Opcode::kText)->Arg(16)->Arg(1024)->Arg(65'536);
BENCHMARK_CAPTURE(read_message, bytes, Opcode::kBinary)->Arg(16)->Arg(1024)->Arg(65'536);

void compress(benchmark::State& state) {
  std::string payload;
  while (payload.size() < static_cast<std::size_t>(state.range(0))) payload += std::to_string(payload.size()) + ", ";
  Deflater deflater({});
  std::string out;
  for (auto _ : state) {
    out.clear();
    deflater.compress(payload, out);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(compress)->Arg(16)->Arg(1024)->Arg(65'536);

}  // namespace
