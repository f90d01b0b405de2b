// list and get: from the store's rows straight into the answer's bytes.
#include "crud/read_operations.hpp"

#include <optional>

#include "crud/parameters.hpp"
#include "text/percent.hpp"
#include "text/query_string.hpp"

namespace data_bridge::crud {
namespace {

class ItemWriter final : public storage::RowVisitor {
 public:
  ItemWriter(const RowCodec& codec, std::string& out) noexcept : codec_(codec), out_(out) {}
  bool on_row(storage::RowView row) override {
    codec_.append_json(out_, row);
    return false;
  }

 private:
  const RowCodec& codec_;
  std::string& out_;
};

// Gets one row more than the page has: whether there is a next page is known without a second query. A page also ends
// with the item that fills its budget of bytes: a request of 60 bytes must not make an answer of any size.
class PageWriter final : public storage::RowVisitor {
 public:
  PageWriter(const RowCodec& codec, std::size_t limit, std::size_t max_bytes, std::string& out) noexcept
      : codec_(codec), limit_(limit), max_bytes_(max_bytes), out_(out) {}

  bool on_row(storage::RowView row) override {
    if (last_) {
      has_next_ = true;
      return false;
    }
    if (count_ != 0) {
      out_ += ',';
    }
    codec_.append_json(out_, row);
    if (++count_ == limit_ || out_.size() >= max_bytes_) {
      last_ = codec_.key_of(row);
    }
    return true;
  }

  /// The key to go on from; nullopt on the last page.
  [[nodiscard]] std::optional<storage::Key> next() const { return has_next_ ? last_ : std::nullopt; }

 private:
  const RowCodec& codec_;
  const std::size_t limit_;
  const std::size_t max_bytes_;
  std::string& out_;
  std::size_t count_ = 0;
  bool has_next_ = false;
  std::optional<storage::Key> last_;
};

// RFC 8288. A reference relative to the request, so that no proxy has to be known.
std::string next_link(const Request& request, std::string_view cursor) {
  std::string link = "<";
  text::append_uri(link, request.path);
  link += '?';
  for (const text::QueryParameter& parameter : text::QueryString(request.query)) {
    if (parameter.name() != "cursor") {
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

void ListOperation::read(const Request& request, Response& response, runtime::Reactor* reactor) const {
  response.clear();
  schema::RequestErrors errors;
  Page page = resource_->read_page(request.query, errors);
  if (!errors.empty()) {
    return respond_with(response, errors.rejection());
  }
  const Resource::Place* const place = resource_->place();
  if (place == nullptr) {
    return resource_->fail(response, storage::Error{storage::Errc::kClosed, {}, "the store is not open"});
  }
  response.body = R"({"items":[)";
  PageWriter writer(resource_->codec(), page.limit, resource_->max_page_bytes(), response.body);
  const storage::ListQuery query{.after = std::move(page.after), .limit = page.limit + 1};
  if (const auto done = place->collection->list(query, writer, reactor); !done) {
    return resource_->fail(response, done.error());
  }
  const auto next = writer.next();
  if (!next) {
    response.body += R"(],"next":null})";
    return;
  }
  const std::string cursor = resource_->cursors().encode(*next);
  response.body += R"(],"next":")";
  response.body += cursor;
  response.body += R"("})";
  response.headers.push_back({"link", next_link(request, cursor)});
}

void GetOperation::read(const Request& request, Response& response, runtime::Reactor* reactor) const {
  response.clear();
  const std::optional<storage::Key> key = read_parameters(*resource_, request, response);
  if (!key) {
    return;
  }
  const Resource::Place* const place = resource_->place();
  if (place == nullptr) {
    return resource_->fail(response, storage::Error{storage::Errc::kClosed, {}, "the store is not open"});
  }
  ItemWriter writer(resource_->codec(), response.body);
  const auto found = place->collection->get(*key, writer, reactor);
  if (!found) {
    return resource_->fail(response, found.error());
  }
  if (!*found) {
    respond_with_detail(response, 404, "Not Found");
  }
}

}  // namespace data_bridge::crud
