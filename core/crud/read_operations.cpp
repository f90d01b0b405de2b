// list and get: from the store's rows straight into the answer's bytes.
#include "crud/read_operations.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crud/list_request.hpp"
#include "crud/parameters.hpp"
#include "text/percent.hpp"
#include "text/query_string.hpp"

namespace data_bridge::crud {
namespace {

const storage::Error kNotOpen{storage::Errc::kClosed, {}, "the store is not open"};

// RFC 8288. A reference relative to the request, so that no proxy has to be known.
std::string next_link(std::string_view path, std::string_view query, std::string_view cursor) {
  std::string link = "<";
  text::append_uri(link, path);
  link += '?';
  for (const text::QueryParameter& parameter : text::QueryString(query)) {
    if (const std::string name = parameter.name(); name != "cursor" && name != "offset") {
      text::append_uri(link, parameter.raw);
      link += '&';
    }
  }
  link += "cursor=";
  link += cursor;
  return link + ">; rel=\"next\"";
}

class GetRead final : public PendingRead {
 public:
  GetRead(std::shared_ptr<const Resource> resource, Response response) noexcept
      : PendingRead(std::move(resource), std::move(response)) {}

  static void begin(const std::shared_ptr<GetRead>& read, const Request& request, const Scope* scope,
                    storage::Reading reading) {
    std::optional<storage::Key> key = read_parameters(*read->resource_, request, read->response_);
    if (!key) {
      return read->answer();
    }
    const Resource::Place* const place = read->resource_->place();
    if (place == nullptr) {
      return read->fail(kNotOpen);
    }
    read->if_none_match_ = request.preconditions.if_none_match;
    if (scope == nullptr) {
      read->key_ = std::move(*key);
      place->collection->get(read->key_, read, reading);
    } else {
      read->inside_ = query_inside(*read->resource_, *scope, *key);
      place->collection->list(read->inside_, read, reading);
    }
  }

  bool on_row(storage::RowView row) override {
    is_found_ = true;
    response_.headers.push_back({"etag", resource_->tags().of(row)});
    if (!if_none_match_.empty() && matches_weakly(if_none_match_, response_.headers.back().value)) {
      response_.status = 304;
      response_.content_type = {};
    } else {
      resource_->codec().append_json(response_.body, row);
    }
    return false;
  }
  void restart() noexcept override {
    is_found_ = false;
    response_.clear();
  }
  void finish(std::expected<std::uint64_t, storage::Error> found) noexcept override {
    if (!found) {
      return fail(found.error());
    }
    if (!is_found_) {
      respond_with_detail(response_, 404, "Not Found");
    }
    answer();
  }

 private:
  storage::Key key_;
  storage::ListQuery inside_;  // the scope, instead of key_
  std::string if_none_match_;
  bool is_found_ = false;
};

// Gets one row more than the page has: whether there is a next page is known without a second query. A page also ends
// with the item that fills its budget of bytes: a request of 60 bytes must not make an answer of any size.
class ListRead final : public PendingRead {
 public:
  ListRead(std::shared_ptr<const Resource> resource, Response response) noexcept
      : PendingRead(std::move(resource), std::move(response)) {}

  static void begin(const std::shared_ptr<ListRead>& read, const Request& request, const Scope* scope,
                    storage::Reading reading) {
    schema::RequestErrors errors;
    read->list_ = read_list(*read->resource_, scope, request.query, errors);
    if (!errors.empty()) {
      respond_with(read->response_, errors);
      return read->answer();
    }
    const Resource::Place* const place = read->resource_->place();
    if (place == nullptr) {
      return read->fail(kNotOpen);
    }
    read->path_ = request.path;
    read->query_ = request.query;
    storage::ListQuery& query = read->list_.query;
    read->limit_ = query.limit;
    if (query.limit != 0) {
      ++query.limit;
    }
    read->restart();
    place->collection->list(query, read, reading);
  }

  bool on_row(storage::RowView row) override {
    if (is_full_) {
      has_next_ = true;
      return false;
    }
    std::string& out = response_.body;
    if (count_ != 0) {
      out += ',';
    }
    if (list_.columns.empty()) {
      resource_->codec().append_json(out, row);
    } else {
      resource_->codec().append_json(out, row, list_.columns);
    }
    if (++count_ == limit_ || out.size() >= resource_->max_page_bytes()) {
      is_full_ = true;
      remember(row);
    }
    return true;
  }
  void restart() noexcept override {
    response_.clear();
    response_.body = kBegin;
    count_ = 0;
    is_full_ = has_next_ = false;
    last_.clear();
  }
  void finish(std::expected<std::uint64_t, storage::Error> total) noexcept override {
    if (!total) {
      return fail(total.error());
    }
    std::string& out = response_.body;
    if (has_next_) {
      const std::string cursor = (list_.cursors ? *list_.cursors : resource_->cursors()).encode(last_);
      out += R"(],"next":")";
      out += cursor;
      out += '"';
      response_.headers.push_back({"link", next_link(path_, query_, cursor)});
    } else {
      out += R"(],"next":null)";
    }
    if (list_.query.wants_total) {
      out += R"(,"total":)" + std::to_string(*total);
    }
    out += '}';
    answer();
  }

 private:
  static constexpr std::string_view kBegin = R"({"items":[)";

  // What the row is sorted by: cells of its own, and behind them what lies within others.
  void remember(storage::RowView row) {
    if (list_.query.sort.empty()) {
      last_.push_back(storage::to_cell(row[resource_->codec().table().key_column]));
    }
    std::size_t within = resource_->codec().table().columns.size();
    for (const storage::SortTerm& term : list_.query.sort) {
      last_.push_back(storage::to_cell(row[term.field.members.empty() ? term.field.column : within++]));
    }
  }

  ListRequest list_;
  std::size_t limit_ = 0;
  // As sent, for the link.
  std::string path_;
  std::string query_;
  std::size_t count_ = 0;
  bool is_full_ = false;
  bool has_next_ = false;
  std::vector<storage::Cell> last_;  // what the next page goes on from
};

template <typename Read>
std::shared_ptr<PendingRead> begin_read(const std::shared_ptr<const Resource>& resource, const Request& request,
                                        const Scope* scope, storage::Reading reading, Response memory) {
  memory.clear();
  const auto read = std::make_shared<Read>(resource, std::move(memory));
  Read::begin(read, request, scope, reading);
  return read;
}

}  // namespace

std::unique_ptr<PendingWrite> ReadOperation::prepare(const Request&, Response& response) const {
  respond_with_detail(response, 405, "Method Not Allowed");
  return nullptr;
}

std::shared_ptr<PendingRead> ListOperation::begin(const Request& request, storage::Reading reading,
                                                  Response memory) const {
  return begin_read<ListRead>(resource_, request, scope_of(request).get(), reading, std::move(memory));
}

std::shared_ptr<PendingRead> GetOperation::begin(const Request& request, storage::Reading reading,
                                                 Response memory) const {
  return begin_read<GetRead>(resource_, request, scope_of(request).get(), reading, std::move(memory));
}

}  // namespace data_bridge::crud
