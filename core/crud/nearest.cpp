// Which known name somebody meant who wrote another one.
#include "crud/nearest.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace data_bridge::crud {
namespace {

// Of what a client sends only so much is looked at: the work grows with the product of both lengths.
constexpr std::size_t kLongest = 64;

// Levenshtein's distance, one row of the table at a time.
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = i;
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t exchanged = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, exchanged});
    }
  }
  return row.back();
}

}  // namespace

std::string_view nearest(std::string_view name, const std::vector<std::string_view>& known) {
  name = name.substr(0, kLongest);
  std::string_view best;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const std::string_view candidate : known) {
    const std::size_t found = distance(name, candidate.substr(0, kLongest));
    if (found < least) {
      least = found;
      best = candidate;
    }
  }
  return best;
}

}  // namespace data_bridge::crud
