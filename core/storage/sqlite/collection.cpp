// One table, as the store's callers and its writer see it.
#include "storage/sqlite/collection.hpp"

#include <utility>

#include "storage/sqlite/query_sql.hpp"

namespace data_bridge::storage::sqlite {
namespace {

// Steps a bound `statement` and hands each row over. False once the visitor wants no more.
std::expected<bool, Error> step_rows(SqlConnection& connection, sqlite3_stmt* statement, RowVisitor& visitor) {
  RowReader rows(statement);
  int step = SQLITE_ROW;
  while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
    if (!visitor.on_row(rows.read())) {
      return false;
    }
  }
  if (step != SQLITE_DONE) {
    return std::unexpected(connection.last_error());
  }
  return true;
}

// The same with `parameters`, which it binds.
std::expected<bool, Error> run(SqlConnection& connection, sqlite3_stmt* statement, const std::vector<Cell>& parameters,
                               RowVisitor& visitor) {
  const StatementUse use(statement);
  int index = 0;
  for (const Cell& parameter : parameters) {
    if (bind_cell(statement, ++index, parameter) != SQLITE_OK) {
      return std::unexpected(connection.last_error());
    }
  }
  return step_rows(connection, statement, visitor);
}

// Ends with the last row of the page, whichever statement it is from.
class CountedRows final : public RowVisitor {
 public:
  CountedRows(RowVisitor& visitor, std::size_t limit) noexcept : visitor_(visitor), left_(limit) {}
  bool on_row(RowView row) override {
    --left_;
    return visitor_.on_row(row) && left_ != 0;
  }

 private:
  RowVisitor& visitor_;
  std::size_t left_;
};

class ReadCount final : public RowVisitor {
 public:
  bool on_row(RowView row) override {
    count = static_cast<std::uint64_t>(row.front().integer);
    return false;
  }
  std::uint64_t count = 0;
};

}  // namespace

void SqliteCollection::get(const Key& key, std::shared_ptr<ReadJob> job, Reading reading) {
  auto reader = readers_->mine();
  if (!reader) {
    return job->finish(std::unexpected(std::move(reader.error())));
  }
  std::uint64_t found = 0;
  auto done = (*reader)->read(id_, sql_, StatementKind::kGet, reading.reactor,
                              [&](SqlConnection& connection, sqlite3_stmt* statement) -> Status {
                                const StatementUse use(statement);
                                if (bind_key(statement, 1, key) != SQLITE_OK) {
                                  return std::unexpected(connection.last_error());
                                }
                                const int step = sqlite3_step(statement);
                                if (step == SQLITE_ROW) {
                                  found = 1;
                                  static_cast<void>(job->on_row(RowReader(statement).read()));
                                } else if (step != SQLITE_DONE) {
                                  return std::unexpected(connection.last_error());
                                }
                                return {};
                              });
  if (!done) {
    return job->finish(std::unexpected(std::move(done.error())));
  }
  job->finish(found);
}

void SqliteCollection::list(const ListQuery& query, std::shared_ptr<ReadJob> job, Reading reading) {
  auto found = list_here(query, *job, reading);
  if (found || found.error().code != Errc::kSlow) {
    return job->finish(std::move(found));
  }
  job->restart();
  slow_reads_->submit(std::move(job), [self = shared_from_this(), &query](ReadJob& again) {
    again.finish(self->list_here(query, again, nullptr));
  });
}

SqliteCollection::Found SqliteCollection::list_here(const ListQuery& query, ReadJob& job, Reading reading) {
  if (query.limit != 0) {
    auto listed = query.is_plain() ? list_by_key(query, job, reading) : list_by_query(query, job, reading);
    if (!listed) {
      return std::unexpected(std::move(listed.error()));
    }
  }
  return query.wants_total ? count(query.condition, job, reading) : 0;
}

Status SqliteCollection::list_by_key(const ListQuery& query, ReadJob& job, Reading reading) {
  auto reader = readers_->mine();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  return (*reader)->read(id_, sql_, query.after.empty() ? StatementKind::kList : StatementKind::kListAfter,
                         reading.reactor, [&](SqlConnection& connection, sqlite3_stmt* statement) -> Status {
                           const StatementUse use(statement);
                           if (sqlite3_bind_int64(statement, 1, static_cast<sqlite3_int64>(query.limit)) != SQLITE_OK ||
                               (!query.after.empty() && bind_cell(statement, 2, query.after.front()) != SQLITE_OK)) {
                             return std::unexpected(connection.last_error());
                           }
                           const auto stepped = step_rows(connection, statement, job);
                           return stepped ? Status() : std::unexpected(stepped.error());
                         });
}

Status SqliteCollection::list_by_query(const ListQuery& query, ReadJob& job, Reading reading) {
  auto reader = readers_->mine();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  const std::vector<QuerySql> parts = list_sql(table_, sql_, query);
  CountedRows rows(job, query.limit);
  return (*reader)->query({.job = job, .reading = reading, .timeout = table_.query_timeout},
                          [&](SqlConnection& connection, QueryStatements& statements) -> Status {
                            for (const QuerySql& part : parts) {
                              const auto statement = statements.get(connection, part.text);
                              if (!statement) {
                                return std::unexpected(statement.error());
                              }
                              const auto goes_on = run(connection, *statement, part.parameters, rows);
                              if (!goes_on) {
                                return std::unexpected(goes_on.error());
                              }
                              if (!*goes_on) {
                                break;
                              }
                            }
                            return {};
                          });
}

SqliteCollection::Found SqliteCollection::count(const std::optional<Condition>& condition, ReadJob& job,
                                                Reading reading) {
  auto reader = readers_->mine();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  const QuerySql sql = count_sql(table_, sql_, condition);
  ReadCount rows;
  auto done = (*reader)->query({.job = job, .reading = reading, .timeout = table_.query_timeout},
                               [&](SqlConnection& connection, QueryStatements& statements) -> Status {
                                 const auto statement = statements.get(connection, sql.text);
                                 if (!statement) {
                                   return std::unexpected(statement.error());
                                 }
                                 const auto counted = run(connection, *statement, sql.parameters, rows);
                                 return counted ? Status() : std::unexpected(counted.error());
                               });
  if (!done) {
    return std::unexpected(std::move(done.error()));
  }
  return rows.count;
}

}  // namespace data_bridge::storage::sqlite
