// The integer keys of a table that AUTOINCREMENT cannot give any more.
#include "storage/sqlite/key_sequence.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace data_bridge::storage::sqlite {

std::expected<std::int64_t, Error> KeySequence::number(const std::string& sql, const Cell& parameter) {
  auto statement = connection_.prepare(sql);
  if (!statement) {
    return std::unexpected(std::move(statement.error()));
  }
  if (bind_cell(statement->get(), 1, parameter) != SQLITE_OK) {
    return std::unexpected(connection_.last_error());
  }
  const int step = sqlite3_step(statement->get());
  if (step != SQLITE_ROW && step != SQLITE_DONE) {
    return std::unexpected(connection_.last_error());
  }
  return step == SQLITE_ROW ? sqlite3_column_int64(statement->get(), 0) : 0;
}

std::expected<std::optional<std::int64_t>, Error> KeySequence::next(std::int64_t last) {
  const Cell table = table_;
  // Without a table that has AUTOINCREMENT (somebody else's may have none) there are no books.
  const auto books = number("SELECT count(*) FROM sqlite_schema WHERE name=?1", Cell(std::string("sqlite_sequence")));
  if (!books) {
    return std::unexpected(books.error());
  }
  const std::expected<std::int64_t, Error> counted =
      *books == 0 ? 0 : number("SELECT seq FROM sqlite_sequence WHERE name=?1", table);
  const auto greatest = number(sql_.greatest_key, Cell(std::numeric_limits<std::int64_t>::max()));
  if (!counted || !greatest) {
    return std::unexpected(counted ? greatest.error() : counted.error());
  }
  if (std::max(*counted, *greatest) <= last) {
    return std::nullopt;
  }
  const auto near = number(sql_.greatest_key, Cell(last));
  if (!near) {
    return std::unexpected(near.error());
  }
  const std::int64_t before = std::max(*counted <= last ? *counted : 0, std::max<std::int64_t>(*near, 0));
  if (before == last) {
    return std::unexpected(Error{Errc::kKeysExhausted, {}, "no integer key is left to assign"});
  }
  if (*counted > last) {
    // The insert will count up from here.
    auto reset = connection_.prepare("UPDATE sqlite_sequence SET seq=?2 WHERE name=?1");
    if (!reset) {
      return std::unexpected(std::move(reset.error()));
    }
    if (bind_cell(reset->get(), 1, table) != SQLITE_OK || bind_cell(reset->get(), 2, Cell(before)) != SQLITE_OK ||
        sqlite3_step(reset->get()) != SQLITE_DONE) {
      return std::unexpected(connection_.last_error());
    }
  }
  return before + 1;
}

}  // namespace data_bridge::storage::sqlite
