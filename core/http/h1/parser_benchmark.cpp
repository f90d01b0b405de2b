// What reading a request's head and writing an answer's costs.
#include <benchmark/benchmark.h>

#include <array>
#include <string_view>

#include "http/h1/parser.hpp"
#include "http/h1/response_writer.hpp"

namespace data_bridge::http::h1 {
namespace {

constexpr std::string_view kSmall = "GET /plaintext HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: wrk/4.2.0\r\n\r\n";

// A browser's.
constexpr std::string_view kLarge =
    "GET /cookies?query=value HTTP/1.1\r\nHost: 127.0.0.1:8090\r\nConnection: keep-alive\r\nCache-Control: "
    "max-age=0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "User-Agent: Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.17 (KHTML, like Gecko) Chrome/24.0.1312.56 "
    "Safari/537.17\r\nAccept-Encoding: gzip,deflate,sdch\r\nAccept-Language: en-US,en;q=0.8\r\n"
    "Accept-Charset: ISO-8859-1,utf-8;q=0.7,*;q=0.3\r\n"
    "Cookie: name=wookie; session=0123456789abcdef0123456789abcdef; csrf=fedcba9876543210fedcba9876543210; theme=dark; "
    "tracking=none; consent=granted-2024-11-02\r\n\r\n";

void parse(benchmark::State& state, std::string_view bytes) {
  HeadParser parser{Limits{}};
  for (auto step : state) {
    (void)step;
    HeadProgress progress;
    benchmark::DoNotOptimize(parser.parse(bytes, progress));
    const auto* request = &parser.request();
    benchmark::DoNotOptimize(request);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes.size()) * state.iterations());
}
BENCHMARK_CAPTURE(parse, small, kSmall);
BENCHMARK_CAPTURE(parse, large, kLarge);

void write_head(benchmark::State& state) {
  ResponseWriter writer{Options{}};
  runtime::Buffer out;
  const std::array<Header, 1> headers{{{"content-type", "application/json"}}};
  for (auto step : state) {
    (void)step;
    const ResponseFields fields(headers);
    const ResponseHead head{.status = 200, .framing = BodyFraming::kLength, .length = 42};
    writer.write_head(out, head, headers, fields);
    benchmark::DoNotOptimize(out.view().data());
    out.clear();
  }
}
BENCHMARK(write_head);

}  // namespace
}  // namespace data_bridge::http::h1
