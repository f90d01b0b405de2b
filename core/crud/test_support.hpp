// What the tests of CRUD share: a model, its resource in a directory that goes away, requests in one line.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crud/open_store.hpp"
#include "crud/operation.hpp"

namespace data_bridge::crud {

inline std::string spec_of(std::string_view name, std::string_view fields, std::string_view extra = "ignore") {
  std::string spec =
      R"({"version":1,"dialect":{"trailing_comma_message":true,"max_depth":900},"definitions":{},"schema":)";
  spec += R"({"type":"model","name":")" + std::string(name) + R"(","extra":")" + std::string(extra) + R"(","fields":[)";
  return spec + std::string(fields) + "]}}";
}

/// `schema` and, where it is given, `default`, both as the spec has them.
inline std::string field_of(const std::string& name, const std::string& schema, const std::string& default_value = "",
                            const std::string& alias = "") {
  const std::string& key = alias.empty() ? name : alias;
  return R"({"name":")" + name + R"(","keys":[")" + key + R"("],"output_key":")" + key + R"(","schema":)" + schema +
         (default_value.empty() ? "" : R"(,"default":)" + default_value) + "}";
}

inline std::shared_ptr<const schema::Model> compile(const std::string& spec) {
  auto model = schema::Model::compile(spec);
  EXPECT_TRUE(model.has_value()) << (model ? "" : model.error());
  return *model;
}

inline const std::string kInt = R"({"type":"int"})";
inline const std::string kFloat = R"({"type":"float"})";
inline const std::string kStr = R"({"type":"str"})";
inline const std::string kOptionalStr = R"({"type":"nullable","schema":{"type":"str"}})";
inline const std::string kOptionalInt = R"({"type":"nullable","schema":{"type":"int"}})";
inline const std::string kStrList = R"({"type":"list","items":{"type":"str"}})";

/// id: int | None = None; name: str (1..); price: float > 0; tags: list[str] = []; note: str | None = "none".
inline std::string product_spec(std::string_view extra = "ignore") {
  return spec_of("Product",
                 field_of("id", kOptionalInt, "null") + "," + field_of("name", R"({"type":"str","min_length":1})") +
                     "," + field_of("price", R"({"type":"float","gt":0})") + "," + field_of("tags", kStrList, "[]") +
                     "," + field_of("note", kOptionalStr, R"("none")"),
                 extra);
}

/// The schemes of the stores that there are.
inline std::vector<std::string> store_schemes() {
  return kHasTestStore ? std::vector<std::string>{"sqlite", "later"} : std::vector<std::string>{"sqlite"};
}

class TemporaryStore {
 public:
  explicit TemporaryStore(std::string_view scheme = "sqlite") {
    std::string pattern = (std::filesystem::temp_directory_path() / "data_bridge_XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    auto store = scheme == "sqlite" ? open_store("sqlite:///" + (directory_ / "test.db").string())
                                    : open_store(std::string(scheme) + "://" + directory_.filename().string());
    EXPECT_TRUE(store.has_value()) << (store ? "" : store.error().detail);
    store_ = *store;
  }
  ~TemporaryStore() {
    store_->close();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  TemporaryStore(const TemporaryStore&) = delete;
  TemporaryStore& operator=(const TemporaryStore&) = delete;

  [[nodiscard]] const std::shared_ptr<storage::Store>& store() const { return store_; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

 private:
  std::filesystem::path directory_;
  std::shared_ptr<storage::Store> store_;
};

/// A field to filter by, and the spec of its values.
struct Filter {
  ListFieldOption option;
  std::string type;
};

/// Of product_spec().
inline std::vector<Filter> product_filters() {
  return {{{.name = "id", .field = "id"}, kInt},
          {{.name = "name", .field = "name"}, R"({"type":"str","min_length":1})"},
          {{.name = "price", .field = "price"}, kFloat},
          {{.name = "tags", .field = "tags", .is_list = true}, kStr},
          {{.name = "note", .field = "note"}, kStr}};
}

/// `key_type` is the spec of the key's node. Pages of 2, at most 5.
inline std::shared_ptr<Resource> make_resource(const std::string& spec, ResourceOptions options,
                                               const std::string& key_type = kInt, std::int64_t max_page_size = 5,
                                               const std::vector<Filter>& filters = {}) {
  options.page_size = 2;
  options.max_page_size = max_page_size;
  const std::string page =
      spec_of("Page",
              field_of("limit", R"({"type":"int","ge":0,"le":)" + std::to_string(max_page_size) + "}", "2") + "," +
                  field_of("offset", R"({"type":"int","ge":0,"le":10000})", "0") + "," +
                  field_of("total", R"({"type":"bool"})", "false") + "," + field_of("cursor", kOptionalStr, "null") +
                  "," + field_of("sort", kOptionalStr, "null") + "," + field_of("fields", kOptionalStr, "null") + "," +
                  field_of("where", kOptionalStr, "null"),
              "forbid");
  std::string values = field_of("isnull", R"({"type":"bool"})") + "," + field_of("text", kStr);
  for (const Filter& filter : filters) {
    options.filters.push_back(filter.option);
    values += "," + field_of("value " + filter.option.name, filter.type);
  }
  auto resource = Resource::make({.item = compile(spec),
                                  .key = compile(spec_of("Key", field_of(options.key, key_type))),
                                  .page = compile(page),
                                  .filters = compile(spec_of("Filters", values))},
                                 options);
  EXPECT_TRUE(resource.has_value()) << (resource ? "" : resource.error());
  return *resource;
}

/// Asks the operations of one resource.
class Client {
 public:
  explicit Client(std::shared_ptr<const Resource> resource, std::string path = "/products")
      : resource_(std::move(resource)), path_(std::move(path)) {}

  Response list(std::string_view query = "") { return ask(OperationKind::kList, "", query, ""); }
  Response get(std::string_view key) { return ask(OperationKind::kGet, key, "", ""); }
  Response create(std::string_view body) { return ask(OperationKind::kCreate, "", "", body); }
  Response replace(std::string_view key, std::string_view body) { return ask(OperationKind::kReplace, key, "", body); }
  Response update(std::string_view key, std::string_view body, std::string_view content_type = "application/json") {
    return ask(OperationKind::kUpdate, key, "", body, content_type);
  }
  Response remove(std::string_view key) { return ask(OperationKind::kDelete, key, "", ""); }

  Response ask(OperationKind kind, std::string_view key, std::string_view query, std::string_view body,
               std::string_view content_type = "application/json", Preconditions preconditions = {}) {
    const auto operation = make_operation(kind, resource_);
    return perform(*operation, Request{.path = path_,
                                       .query = query,
                                       .content_type = content_type,
                                       .body = body,
                                       .preconditions = preconditions,
                                       .key = key});
  }

 private:
  std::shared_ptr<const Resource> resource_;
  std::string path_;
};

/// Resources in a store of their own, and what they logged.
class ResourceTest : public testing::Test {
 protected:
  std::shared_ptr<Resource> attached(const std::string& spec, ResourceOptions options = {.table = "products"},
                                     const std::string& key_type = kInt, const std::vector<Filter>& filters = {}) {
    options.log = [this](std::string_view text) {
      const std::lock_guard lock(mutex_);
      log_.emplace_back(text);
    };
    auto resource = make_resource(spec, std::move(options), key_type, 5, filters);
    const auto done = resource->attach(store_.store());
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().detail);
    return resource;
  }

  TemporaryStore store_;
  std::mutex mutex_;
  std::vector<std::string> log_;
};

inline std::string header(const Response& response, std::string_view name) {
  for (const ResponseHeader& header : response.headers) {
    if (header.name == name) {
      return header.value;
    }
  }
  return {};
}

}  // namespace data_bridge::crud
