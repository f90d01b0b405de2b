// list and get: from the store's rows straight into the answer's bytes.
#include "crud/read_operations.hpp"

#include <optional>

#include "crud/list_request.hpp"
#include "crud/parameters.hpp"
#include "text/percent.hpp"
#include "text/query_string.hpp"

namespace data_bridge::crud {
namespace {

class ItemWriter final : public storage::RowVisitor {
 public:
  ItemWriter(const Resource& resource, std::string_view if_none_match, Response& response) noexcept
      : resource_(resource), if_none_match_(if_none_match), response_(response) {}
  bool on_row(storage::RowView row) override {
    response_.headers.push_back({"etag", resource_.tags().of(row)});
    if (!if_none_match_.empty() && matches_weakly(if_none_match_, response_.headers.back().value)) {
      response_.status = 304;
      response_.content_type = {};
    } else {
      resource_.codec().append_json(response_.body, row);
    }
    return false;
  }

 private:
  const Resource& resource_;
  const std::string_view if_none_match_;
  Response& response_;
};

// Gets one row more than the page has: whether there is a next page is known without a second query. A page also ends
// with the item that fills its budget of bytes: a request of 60 bytes must not make an answer of any size.
class PageWriter final : public storage::RowVisitor {
 public:
  PageWriter(const Resource& resource, const ListRequest& request, std::string& out) noexcept
      : resource_(resource), request_(request), limit_(request.query.limit), out_(out) {}

  bool on_row(storage::RowView row) override {
    if (is_full_) {
      has_next_ = true;
      return false;
    }
    if (count_ != 0) {
      out_ += ',';
    }
    if (request_.columns.empty()) {
      resource_.codec().append_json(out_, row);
    } else {
      resource_.codec().append_json(out_, row, request_.columns);
    }
    if (++count_ == limit_ || out_.size() >= resource_.max_page_bytes()) {
      is_full_ = true;
      remember(row);
    }
    return true;
  }

  /// What the next page goes on from; nullptr on the last page.
  [[nodiscard]] const std::vector<storage::Cell>* next() const { return has_next_ ? &last_ : nullptr; }

 private:
  // What the row is sorted by: cells of its own, and behind them what lies within others.
  void remember(storage::RowView row) {
    if (request_.query.sort.empty()) {
      last_.push_back(storage::to_cell(row[resource_.codec().table().key_column]));
    }
    std::size_t within = resource_.codec().table().columns.size();
    for (const storage::SortTerm& term : request_.query.sort) {
      last_.push_back(storage::to_cell(row[term.field.members.empty() ? term.field.column : within++]));
    }
  }

  const Resource& resource_;
  const ListRequest& request_;
  const std::size_t limit_;
  std::string& out_;
  std::size_t count_ = 0;
  bool is_full_ = false;
  bool has_next_ = false;
  std::vector<storage::Cell> last_;
};

// RFC 8288. A reference relative to the request, so that no proxy has to be known.
std::string next_link(const Request& request, std::string_view cursor) {
  std::string link = "<";
  text::append_uri(link, request.path);
  link += '?';
  for (const text::QueryParameter& parameter : text::QueryString(request.query)) {
    if (const std::string name = parameter.name(); name != "cursor" && name != "offset") {
      text::append_uri(link, parameter.raw);
      link += '&';
    }
  }
  link += "cursor=";
  link += cursor;
  return link + ">; rel=\"next\"";
}

}  // namespace

std::unique_ptr<PendingWrite> ReadOperation::prepare(const Request& request, Response& response) const {
  read(request, response, nullptr);
  return nullptr;
}

void ListOperation::read(const Request& request, Response& response, storage::Reading reading) const {
  response.clear();
  schema::RequestErrors errors;
  ListRequest list = read_list(*resource_, scope_of(request).get(), request.query, errors);
  if (!errors.empty()) {
    return respond_with(response, errors.rejection());
  }
  const Resource::Place* const place = resource_->place();
  if (place == nullptr) {
    return resource_->fail(response, storage::Error{storage::Errc::kClosed, {}, "the store is not open"});
  }
  response.body = R"({"items":[)";
  PageWriter writer(*resource_, list, response.body);
  if (list.query.limit != 0) {
    ++list.query.limit;
    const auto done = place->collection->list(list.query, writer, reading);
    if (!done) {
      return resource_->fail(response, done.error());
    }
  }
  if (const auto* const next = writer.next()) {
    const std::string cursor = (list.cursors ? *list.cursors : resource_->cursors()).encode(*next);
    response.body += R"(],"next":")";
    response.body += cursor;
    response.body += '"';
    response.headers.push_back({"link", next_link(request, cursor)});
  } else {
    response.body += R"(],"next":null)";
  }
  if (list.wants_total) {
    const auto total = place->collection->count(list.query.condition, reading);
    if (!total) {
      return resource_->fail(response, total.error());
    }
    response.body += R"(,"total":)" + std::to_string(*total);
  }
  response.body += '}';
}

void GetOperation::read(const Request& request, Response& response, storage::Reading reading) const {
  response.clear();
  const std::optional<storage::Key> key = read_parameters(*resource_, request, response);
  if (!key) {
    return;
  }
  const Resource::Place* const place = resource_->place();
  if (place == nullptr) {
    return resource_->fail(response, storage::Error{storage::Errc::kClosed, {}, "the store is not open"});
  }
  ItemWriter writer(*resource_, request.preconditions.if_none_match, response);
  const auto found = get_inside(*resource_, scope_of(request).get(), *place->collection, *key, writer, reading);
  if (!found) {
    return resource_->fail(response, found.error());
  }
  if (!*found) {
    respond_with_detail(response, 404, "Not Found");
  }
}

}  // namespace data_bridge::crud
