// Defaults that are another value each time.
#include "schema/default_factory.hpp"

#include <chrono>
#include <ctime>
#include <string>

#include "text/make_uuid.hpp"
#include "text/utc_now.hpp"

namespace data_bridge::schema {
namespace {

constexpr std::size_t kDateLength = 10;  // of "2024-01-31"

// As Python's time.localtime() has it.
std::string local_now() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return text::wall_clock(std::chrono::seconds(local.tm_gmtoff));
}

std::string made_by(DefaultFactory factory) {
  switch (factory) {
    case DefaultFactory::kUuid4:
      return text::make_uuid(4);
    case DefaultFactory::kUuid7:
      return text::make_uuid(7);
    case DefaultFactory::kLocalNow:
      return local_now();
    case DefaultFactory::kNaiveUtc:
      return text::wall_clock(std::chrono::seconds(0));
    case DefaultFactory::kUtcNow:
      return text::utc_now();
    case DefaultFactory::kToday:
      break;
  }
  return local_now().substr(0, kDateLength);
}

}  // namespace

std::optional<DefaultFactory> default_factory(std::string_view name) noexcept {
  if (name == "uuid4") return DefaultFactory::kUuid4;
  if (name == "uuid7") return DefaultFactory::kUuid7;
  if (name == "local-now") return DefaultFactory::kLocalNow;
  if (name == "naive-utc") return DefaultFactory::kNaiveUtc;
  if (name == "utc-now") return DefaultFactory::kUtcNow;
  if (name == "today") return DefaultFactory::kToday;
  return std::nullopt;
}

json::Value make_default(DefaultFactory factory, json::Arena& arena) {
  return json::Value::string(arena.copy(made_by(factory)));
}

}  // namespace data_bridge::schema
