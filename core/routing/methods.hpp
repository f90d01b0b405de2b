// A set of HTTP methods that is asked once for every candidate of every request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace data_bridge::routing {

/// A request's method, with its bit where it is one of RFC 9110's or PATCH.
class Method {
 public:
  explicit Method(std::string_view name) noexcept : name_(name), bit_(bit_of(name)) {}
  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  [[nodiscard]] std::uint16_t bit() const noexcept { return bit_; }

  static constexpr std::uint16_t bit_of(std::string_view name) noexcept {
    constexpr std::string_view kNames[] = {"GET",     "POST", "PUT",     "PATCH", "DELETE",
                                           "OPTIONS", "HEAD", "CONNECT", "TRACE"};
    std::uint16_t bit = 1;
    for (const std::string_view known : kNames) {
      if (name == known) return bit;
      bit = static_cast<std::uint16_t>(bit << 1U);
    }
    return 0;
  }

 private:
  std::string_view name_;
  std::uint16_t bit_;
};

/// The methods of a route; an empty one holds every method, as in Starlette.
class MethodSet {
 public:
  MethodSet() = default;
  explicit MethodSet(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      if (const std::uint16_t bit = Method::bit_of(name)) {
        bits_ = static_cast<std::uint16_t>(bits_ | bit);
      } else {
        others_.push_back(name);
      }
    }
  }
  [[nodiscard]] bool contains(const Method& method) const noexcept {
    if (bits_ == 0 && others_.empty()) return true;
    if (method.bit() != 0) return (bits_ & method.bit()) != 0;
    for (const std::string& other : others_) {
      if (other == method.name()) return true;
    }
    return false;
  }

 private:
  std::uint16_t bits_ = 0;
  std::vector<std::string> others_;
};

}  // namespace data_bridge::routing
