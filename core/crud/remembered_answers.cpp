// What requests with an Idempotency-Key were answered, in the database of what they wrote.
#include "crud/remembered_answers.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "storage/reading.hpp"

namespace data_bridge::crud {
namespace {

using storage::ColumnKind;

enum Place : std::uint8_t { kName, kCreated, kRequest, kStatus, kTag, kLocation, kBody, kPlaces };

// Two for each that is added: what is left of a busy day goes soon, and no request pays for all of it.
constexpr std::size_t kRemovedAtOnce = 2;

std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::int64_t oldest() { return seconds_now() - std::chrono::seconds(kAnswerLifetime).count(); }

storage::Cell header_cell(const Response& response, std::string_view name) {
  for (const ResponseHeader& header : response.headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

class Reader final : public storage::RowVisitor {
 public:
  Reader(const KeyedRequest& request, Response& response) noexcept : request_(request), response_(response) {}

  bool on_row(storage::RowView row) override {
    is_old_ = row[kCreated].integer <= oldest();
    if (is_old_) {
      return false;
    }
    response_.clear();
    if (row[kRequest].text != request_.fingerprint()) {
      request_.refuse(response_);
      return false;
    }
    response_.status = static_cast<int>(row[kStatus].integer);
    response_.body = row[kBody].text;
    if (!row[kTag].is_null()) response_.headers.push_back({"etag", std::string(row[kTag].text)});
    if (!row[kLocation].is_null()) response_.headers.push_back({"location", std::string(row[kLocation].text)});
    response_.is_repeat = true;
    return false;
  }
  [[nodiscard]] bool is_old() const noexcept { return is_old_; }

 private:
  const KeyedRequest& request_;
  Response& response_;
  bool is_old_ = false;
};

}  // namespace

storage::Table answers_table() {
  storage::Table table;
  table.name = "data_bridge_idempotency";
  const auto add = [&table](const char* name, ColumnKind kind, bool nullable = false) {
    table.columns.push_back({.name = name, .kind = kind, .nullable = nullable, .default_value = std::nullopt});
  };
  add("name", ColumnKind::kText);
  add("created", ColumnKind::kInteger);
  add("request", ColumnKind::kText);
  add("status", ColumnKind::kInteger);
  add("etag", ColumnKind::kText, true);
  add("location", ColumnKind::kText, true);
  add("body", ColumnKind::kText);
  table.key_column = kName;
  table.key_kind = storage::KeyKind::kString;
  table.indexes = {{{.column = kCreated, .kind = ColumnKind::kInteger}}};
  return table;
}

std::expected<bool, storage::Error> recall(storage::Collection& answers, const KeyedRequest& request,
                                           Response& response) {
  Reader reader(request, response);
  const storage::Key name = request.name();
  const auto found = storage::wait_for_get(answers, name, reader);
  if (!found) {
    return std::unexpected(found.error());
  }
  return *found && !reader.is_old();
}

std::expected<bool, storage::Error> recall(storage::WriteTransaction& transaction, storage::Collection& answers,
                                           const KeyedRequest& request, Response& response) {
  Reader reader(request, response);
  const auto found = transaction.get(answers, request.name(), reader);
  if (!found) {
    return std::unexpected(found.error());
  }
  if (*found && !reader.is_old()) {
    return true;
  }
  if (*found) {
    if (const auto removed = transaction.remove(answers, request.name()); !removed) {
      return std::unexpected(removed.error());
    }
  }
  storage::Condition old{.type = storage::Condition::Type::kTest,
                         .field = {.column = kCreated, .kind = ColumnKind::kInteger, .nullable = false},
                         .op = storage::Operator::kLessEqual};
  old.values.emplace_back(oldest());
  if (auto removed = transaction.remove_some(answers, old, kRemovedAtOnce); !removed) {
    return std::unexpected(std::move(removed.error()));
  }
  return false;
}

storage::Status remember(storage::WriteTransaction& transaction, storage::Collection& answers,
                         const KeyedRequest& request, const Response& response) {
  if (response.body.size() > kMaxRememberedAnswer) {
    return std::unexpected(storage::Error{storage::Errc::kTooBig, {}, "an answer that is too long to be remembered"});
  }
  storage::Row row(kPlaces);
  row[kName] = request.name();
  row[kCreated] = seconds_now();
  row[kRequest] = request.fingerprint();
  row[kStatus] = std::int64_t{response.status};
  row[kTag] = header_cell(response, "etag");
  row[kLocation] = header_cell(response, "location");
  row[kBody] = response.body;
  return transaction.insert(answers, row);
}

}  // namespace data_bridge::crud
