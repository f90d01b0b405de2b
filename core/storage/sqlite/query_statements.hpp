// The prepared statements of queries, by their text: those that were used last.
#pragma once

#include <cstddef>
#include <expected>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "storage/sqlite/sql_connection.hpp"

namespace data_bridge::storage::sqlite {

/// Clients choose the shapes of queries, so only so many are kept: 64 of some 4 KiB for each connection.
class QueryStatements {
 public:
  static constexpr std::size_t kCapacity = 64;

  [[nodiscard]] std::expected<sqlite3_stmt*, Error> get(SqlConnection& connection, const std::string& text) {
    if (const auto known = places_.find(text); known != places_.end()) {
      entries_.splice(entries_.begin(), entries_, known->second);
      return known->second->statement.get();
    }
    auto prepared = connection.prepare(text);
    if (!prepared) return std::unexpected(std::move(prepared.error()));
    if (entries_.size() == kCapacity) {
      places_.erase(entries_.back().text);
      entries_.pop_back();
    }
    entries_.push_front({text, std::move(*prepared)});
    places_.emplace(entries_.front().text, entries_.begin());
    return entries_.front().statement.get();
  }

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

  void clear() noexcept {
    places_.clear();
    entries_.clear();
  }

 private:
  struct Entry {
    std::string text;
    Statement statement;
  };
  std::list<Entry> entries_;  // the one used last first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> places_;
};

}  // namespace data_bridge::storage::sqlite
