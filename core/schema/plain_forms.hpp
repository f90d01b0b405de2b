// Values of types whose validators are Python's that are so plain that it is known what these make of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace data_bridge::schema {

/// The plain values of one type. Everything else is unsure, right or wrong.
class PlainForm {
 public:
  enum class Reading : std::uint8_t { kAsItIs, kChanged, kUnsure };

  virtual ~PlainForm() = default;
  /// What Python's validator makes of `text`, UTF-8: the same, or `changed`.
  [[nodiscard]] virtual Reading read(std::string_view text, std::string& changed) const = 0;
};

/// Pydantic's EmailStr: an address as email-validator (2.0 and later) takes it without a lookup, in ASCII.
class PlainEmail final : public PlainForm {
 public:
  /// `reserved`: domains that no address has, with what is below them. `mailboxes`: those whose case does not matter
  /// (RFC 2142).
  PlainEmail(std::vector<std::string> reserved, std::vector<std::string> mailboxes) noexcept
      : reserved_(std::move(reserved)), mailboxes_(std::move(mailboxes)) {}
  [[nodiscard]] Reading read(std::string_view text, std::string& changed) const override;

 private:
  std::vector<std::string> reserved_;
  std::vector<std::string> mailboxes_;
};

/// Pydantic's HttpUrl and its kin: http and https, a host that is a name in lower case, and characters that no URL
/// parser (WHATWG, as Rust's url has it) writes otherwise; no port, no credentials, no fragment.
class PlainUrl final : public PlainForm {
 public:
  /// `schemes`: those of them that the type takes. `root`: what is added to a URL without a path.
  PlainUrl(std::vector<std::string> schemes, std::string root) noexcept
      : schemes_(std::move(schemes)), root_(std::move(root)) {}
  [[nodiscard]] Reading read(std::string_view text, std::string& changed) const override;

 private:
  std::vector<std::string> schemes_;
  std::string root_;
};

/// Python's IPv4Address and IPv6Address as they write themselves: four numbers, and RFC 5952 without a number of four.
class PlainAddress final : public PlainForm {
 public:
  PlainAddress(bool takes_4, bool takes_6) noexcept : takes_4_(takes_4), takes_6_(takes_6) {}
  [[nodiscard]] Reading read(std::string_view text, std::string& changed) const override;

 private:
  bool takes_4_;
  bool takes_6_;
};

/// Python's Path of POSIX as it writes itself: in ASCII, without empty components and ".".
class PlainPath final : public PlainForm {
 public:
  [[nodiscard]] Reading read(std::string_view text, std::string& changed) const override;
};

/// The values of another form whose length is within limits, in characters.
class PlainWithin final : public PlainForm {
 public:
  PlainWithin(std::unique_ptr<const PlainForm> form, std::size_t min_length, std::size_t max_length) noexcept
      : form_(std::move(form)), min_length_(min_length), max_length_(max_length) {}
  [[nodiscard]] Reading read(std::string_view text, std::string& changed) const override;

 private:
  std::unique_ptr<const PlainForm> form_;
  std::size_t min_length_;
  std::size_t max_length_;
};

}  // namespace data_bridge::schema
