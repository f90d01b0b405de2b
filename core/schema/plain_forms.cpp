// What email-validator's syntax.py and the url crate leave as it is.
#include "schema/plain_forms.hpp"

#include <algorithm>

#include "text/characters.hpp"

namespace data_bridge::schema {
namespace {

// Below the limits of RFC 5321 (254) and of HttpUrl (2083).
constexpr std::size_t kLongestEmail = 250;
constexpr std::size_t kLongestUrl = 2000;
constexpr std::size_t kLongestLocalPart = 64;
constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestHost = 250;

bool is_one_of(char c, std::string_view others) noexcept {
  return text::is_letter(c) || text::is_digit(c) || others.contains(c);
}

bool are_all(std::string_view text, std::string_view others) noexcept {
  return std::ranges::all_of(text, [others](char c) { return is_one_of(c, others); });
}

// No two dashes in its third and fourth place: those are for names that are written in another way (RFC 5891).
bool is_label(std::string_view label) noexcept {
  return !label.empty() && label.size() <= kLongestLabel && are_all(label, "-") && !label.starts_with('-') &&
         !label.ends_with('-') && label.substr(0, 4).find("--", 2) == std::string_view::npos;
}

// A name of two labels or more that ends with a letter, so that it is no address.
bool is_domain(std::string_view name) noexcept {
  if (name.size() > kLongestHost || name.find('.') == std::string_view::npos || !text::is_letter(name.back())) {
    return false;
  }
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    if (!is_label(name.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return text::is_letter(name[name.rfind('.') + 1]);  // of a hexadecimal number, "0x7f", a parser makes an address
}

// The characters of a dot-atom (RFC 5322, 3.2.3).
bool is_local_part(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kLongestLocalPart && are_all(text, "!#$%&'*+-/=?^_`{|}~.") &&
         !text.starts_with('.') && !text.ends_with('.') && text.find("..") == std::string_view::npos;
}

bool is_below(std::string_view name, std::string_view domain) noexcept {
  return name.ends_with(domain) && (name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.');
}

bool is_among(const std::vector<std::string>& texts, std::string_view text) noexcept {
  return std::ranges::find(texts, text) != texts.end();
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), text::to_lower);
  return result;
}

// Segments that are left out ("." and ".."), as they are and percent-encoded, are for the parser.
bool is_path(std::string_view path) noexcept {
  return path.starts_with('/') && are_all(path, "-._~!$&'()*+,;=:@/") && path.find("/.") == std::string_view::npos;
}

bool is_address_4(std::string_view text) noexcept {
  int numbers = 0;
  for (std::size_t begin = 0; begin <= text.size(); ++numbers) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    const std::string_view number = text.substr(begin, end - begin);
    if (number.empty() || number.size() > 3 || !std::ranges::all_of(number, text::is_digit)) return false;
    if (number.size() > 1 && number.front() == '0') return false;
    if (number.size() == 3 && number > "255") return false;
    begin = end + 1;
  }
  return numbers == 4;
}

// The groups of a part of an address that has no "::"; false where one is not written as Python writes it.
bool read_groups(std::string_view text, std::vector<std::string_view>& groups) {
  for (std::size_t begin = 0; begin < text.size() || (begin == text.size() && begin > 0);) {
    const std::size_t end = std::min(text.find(':', begin), text.size());
    const std::string_view group = text.substr(begin, end - begin);
    if (group.empty() || group.size() > 4 || group.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
      return false;
    }
    if (group.size() > 1 && group.front() == '0') return false;
    groups.push_back(group);
    begin = end + 1;
  }
  return true;
}

// "::" stands for the first one of the longest runs of zeros, of two or more.
bool is_address_6(std::string_view text) {
  constexpr std::size_t kGroups = 8;
  const std::size_t gap = text.find("::");
  std::vector<std::string_view> groups;
  std::vector<std::string_view> behind;
  if (!read_groups(text.substr(0, gap), groups)) return false;
  const std::size_t gap_begin = groups.size();
  if (gap != std::string_view::npos) {
    if (!read_groups(text.substr(gap + 2), behind) || groups.size() + behind.size() > kGroups - 2) return false;
    groups.resize(kGroups - behind.size(), "0");
    groups.insert(groups.end(), behind.begin(), behind.end());
  }
  if (groups.size() != kGroups) return false;
  std::size_t best = kGroups;
  std::size_t longest = 1;
  for (std::size_t begin = 0; begin < kGroups; ++begin) {
    std::size_t end = begin;
    while (end < kGroups && groups[end] == "0") ++end;
    if (end - begin > longest) {
      best = begin;
      longest = end - begin;
    }
  }
  const std::size_t written = kGroups - longest;
  if (gap == std::string_view::npos) return best == kGroups;
  if (gap_begin != best || gap_begin + behind.size() != written) return false;
  return best != 0 || longest < 5 || behind.empty() || behind.front() != "ffff";  // of IPv4, which Python 3.13 shows
}

}  // namespace

PlainForm::Reading PlainAddress::read(std::string_view text, std::string& /*changed*/) const {
  return (takes_4_ && is_address_4(text)) || (takes_6_ && is_address_6(text)) ? Reading::kAsItIs : Reading::kUnsure;
}

PlainForm::Reading PlainPath::read(std::string_view text, std::string& /*changed*/) const {
  const bool is_ascii = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  std::string_view rest = text;
  if (rest.starts_with('/')) rest.remove_prefix(1);
  if (!is_ascii || text.empty()) return Reading::kUnsure;
  for (std::size_t begin = 0; begin <= rest.size() && !rest.empty();) {
    const std::size_t end = std::min(rest.find('/', begin), rest.size());
    const std::string_view component = rest.substr(begin, end - begin);
    if (component.empty() || component == ".") return Reading::kUnsure;
    begin = end + 1;
  }
  return Reading::kAsItIs;
}

PlainForm::Reading PlainEmail::read(std::string_view text, std::string& changed) const {
  const std::size_t at = text.find('@');
  if (text.size() > kLongestEmail || at == std::string_view::npos) {
    return Reading::kUnsure;
  }
  const std::string_view local = text.substr(0, at);
  const std::string domain = lower(text.substr(at + 1));
  if (!is_local_part(local) || !is_domain(domain) ||
      std::ranges::any_of(reserved_, [&](const std::string& each) { return is_below(domain, each); }) ||
      (text::has_upper(local) && is_among(mailboxes_, lower(local)))) {
    return Reading::kUnsure;
  }
  if (domain == text.substr(at + 1)) {
    return Reading::kAsItIs;
  }
  changed.assign(local).append("@").append(domain);
  return Reading::kChanged;
}

PlainForm::Reading PlainUrl::read(std::string_view text, std::string& changed) const {
  constexpr std::string_view kSeparator = "://";
  const std::size_t end = text.find(kSeparator);
  if (text.size() > kLongestUrl || end == std::string_view::npos || !is_among(schemes_, text.substr(0, end))) {
    return Reading::kUnsure;
  }
  const std::string_view rest = text.substr(end + kSeparator.size());
  const std::size_t host_end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view host = rest.substr(0, host_end);
  const std::string_view target = rest.substr(host_end);
  if (!is_domain(host) || text::has_upper(host)) {
    return Reading::kUnsure;
  }
  if (target.empty()) {
    changed.assign(text).append(root_);
    return root_.empty() ? Reading::kAsItIs : Reading::kChanged;
  }
  const std::size_t query = std::min(target.find('?'), target.size());
  const bool is_plain = is_path(target.substr(0, query)) &&
                        (query == target.size() || are_all(target.substr(query + 1), "-._~!$&()*+,;=:@/?%"));
  return is_plain ? Reading::kAsItIs : Reading::kUnsure;
}

// What is plain is ASCII.
PlainForm::Reading PlainWithin::read(std::string_view text, std::string& changed) const {
  const Reading reading = form_->read(text, changed);
  const std::size_t length = reading == Reading::kChanged ? changed.size() : text.size();
  return length >= min_length_ && length <= max_length_ ? reading : Reading::kUnsure;
}

}  // namespace data_bridge::schema
