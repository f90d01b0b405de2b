// A model, its table and what clients may ask of it: everything the operations of one resource share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crud/cursor.hpp"
#include "crud/entity_tag.hpp"
#include "crud/frozen_fields.hpp"
#include "crud/keys_in_progress.hpp"
#include "crud/list_fields.hpp"
#include "crud/response.hpp"
#include "crud/row_codec.hpp"
#include "schema/body.hpp"
#include "schema/model.hpp"
#include "storage/store.hpp"

namespace data_bridge::crud {

/// A field of an answer, and what it is called there.
struct AnswerField {
  std::string field{};
  std::string name{};
};

/// Of a field: the name of its column, and what that was before; "" where nothing is said.
struct ColumnNames {
  std::string field{};
  std::string stored{};
  std::string former{};
};

struct ResourceOptions {
  std::string table{};
  std::string key = "id";
  std::uint8_t uuid_version = 7;                     ///< of a key that is a UUID; one of names is the client's to give
  std::vector<std::vector<std::string>> unique{};    ///< field names that together occur once
  std::vector<std::vector<std::string>> indexes{};   ///< field names, or names of `filters` inside of fields
  std::vector<ListFieldOption> filters{};            ///< what lists can be filtered and sorted by
  std::vector<std::string> sort{};                   ///< the default order, by names of `filters`; "-name" descending
  std::vector<FrozenFieldOption> frozen{};           ///< what a write after the first cannot change; not the key
  std::optional<std::vector<AnswerField>> answer{};  ///< all that answers have, in this order; absent: every field
  bool answers_extra = true;                         ///< they have the members that are no fields as well
  std::vector<std::string> unseen{};                 ///< what a write keeps that does not name it, and no error shows
  std::vector<std::string> read_only{};              ///< what clients have no say in
  std::vector<std::string> ignored{};                ///< what `body` does not have: it may be sent, and says nothing
  std::vector<ColumnNames> columns{};                ///< of fields whose columns are called otherwise
  bool migrate = true;                               ///< false: the table is somebody else's, and only checked
  bool require_match = false;                        ///< a write to an item without a precondition is refused: 428
  bool creates = true;  ///< there is POST, and PUT makes an item that is not there where clients may choose keys
  std::int64_t page_size = 20;
  std::int64_t max_page_size = 100;
  std::size_t max_page_bytes = std::size_t{4} * 1024 * 1024;  ///< a page ends with the item that fills it
  std::chrono::milliseconds timeout{0};  ///< of a list or a number of items; 0: as long as it takes
  /// The names of an answer's members where somebody else writes answers out of whole items; else empty.
  std::vector<std::string> answer_names{};
  /// What conflicts call fields of the model otherwise than its bodies do; "": they do not name them.
  std::map<std::string, std::string, std::less<>> conflict_names{};
  /// Query parameters that others read (the dependencies of the routes); any that nobody reads is refused.
  std::vector<std::string> foreign_parameters{};
  /// Told of faults, on any thread, with text that may name files; must not block.
  std::function<void(std::string_view)> log{};
};

/// The models of a resource. `key` has one required field, the key; `page` the query parameters of a list that are no
/// filters: the ints `limit` and `offset`, the bool `total`, and as texts `cursor`, `sort`, `fields`, `where`.
/// `filters` is described at ListFields::make(), and may be absent.
struct ResourceModels {
  std::shared_ptr<const schema::Model> item;
  std::shared_ptr<const schema::Model> key;
  std::shared_ptr<const schema::Model> page;
  std::shared_ptr<const schema::Model> filters{};
  /// As `item`, but what the stored item gives a replacement need not be there. Absent: as `item`.
  std::shared_ptr<const schema::Model> replacement{};
  /// As `item`, but what bodies of new items and of replacements are validated by. Absent: by `item` and `replacement`.
  std::shared_ptr<const schema::Model> body{};
  /// What a merge patch is validated by before it is merged; it may have what is a field here, and says nothing else.
  /// Absent: by `item`, of which nothing need be there.
  std::shared_ptr<const schema::Model> patch{};
};

/// Shared by all threads. Immutable but for attach().
class Resource {
 public:
  /// Errors are for a programmer: fields that do not exist, a key of a wrong type.
  [[nodiscard]] static std::expected<std::shared_ptr<Resource>, std::string> make(ResourceModels models,
                                                                                  ResourceOptions options);

  /// Opens the collection; again after the store was closed. Before that the operations answer 503.
  [[nodiscard]] storage::Status attach(std::shared_ptr<storage::Store> store);

  /// Until the next attach() the operations answer 503.
  void detach() noexcept { place_.store(nullptr, std::memory_order_release); }

  /// Where the items are.
  struct Place {
    std::shared_ptr<storage::Store> store;
    std::shared_ptr<storage::Collection> collection;
    std::shared_ptr<storage::Collection> answers;  ///< see remembered_answers.hpp; nullptr where nothing is created
    /// Here and not in the resource: in the child of a fork nobody ends what its parent has begun.
    std::unique_ptr<KeysInProgress> keys_in_progress;
  };
  /// nullptr before attach() and after detach(). Valid as long as the resource.
  [[nodiscard]] const Place* place() const noexcept { return place_.load(std::memory_order_acquire); }

  [[nodiscard]] const RowCodec& codec() const noexcept { return codec_; }
  /// Of lists by the key alone.
  [[nodiscard]] const CursorCodec& cursors() const noexcept { return cursors_; }
  [[nodiscard]] const EntityTags& tags() const noexcept { return tags_; }
  [[nodiscard]] bool requires_match() const noexcept { return options_.require_match; }
  /// True where a PUT may make an item of this key: clients choose keys, and this one is right for its field.
  [[nodiscard]] bool may_create(const storage::Key& key) const;
  [[nodiscard]] const std::vector<FrozenField>& frozen_fields() const noexcept { return frozen_; }
  /// Columns that clients have no say in.
  [[nodiscard]] const std::vector<std::size_t>& read_only() const noexcept { return read_only_; }
  /// Columns that clients do not see: what a write does not say of them stays, and is not validated again.
  [[nodiscard]] const std::vector<std::size_t>& unseen() const noexcept { return unseen_; }
  /// Columns of which bodies of new items and of replacements say nothing; the key may be among them.
  [[nodiscard]] const std::vector<std::size_t>& ignored() const noexcept { return ignored_; }
  /// What a new item is validated by.
  [[nodiscard]] const schema::Model& new_item_model() const noexcept {
    return models_.body != nullptr ? *models_.body : codec_.model();
  }
  /// What a body that is to replace an item is validated by.
  [[nodiscard]] const schema::Model& put_model() const noexcept {
    return models_.body != nullptr ? *models_.body : replacement_model();
  }
  /// nullptr where patches have no model of their own.
  [[nodiscard]] const schema::Model* patch_model() const noexcept { return models_.patch.get(); }
  /// What an item is validated by that may replace another one.
  [[nodiscard]] const schema::Model& replacement_model() const noexcept {
    return models_.replacement != nullptr ? *models_.replacement : codec_.model();
  }
  [[nodiscard]] const ListFields& fields() const noexcept { return *fields_; }
  /// The order of lists that ask for none; the key is its last term.
  [[nodiscard]] const std::vector<storage::SortTerm>& default_sort() const noexcept { return default_sort_; }
  [[nodiscard]] bool is_sorted_by_key() const noexcept { return is_sorted_by_key_; }
  [[nodiscard]] storage::SortTerm key_term(bool descending) const;
  /// `terms` made a total order: the key at their end, in the direction of the last, so that an index on the others
  /// (which has the key behind them) has the items in this order.
  [[nodiscard]] std::vector<storage::SortTerm> with_key(std::vector<storage::SortTerm> terms) const;
  [[nodiscard]] const schema::Model& page_model() const noexcept { return *models_.page; }
  [[nodiscard]] std::size_t page_size() const noexcept { return static_cast<std::size_t>(options_.page_size); }
  [[nodiscard]] std::size_t max_page_size() const noexcept { return static_cast<std::size_t>(options_.max_page_size); }
  /// True for query parameters that others read, and for `_`, which makes URLs differ.
  [[nodiscard]] bool is_ignored(std::string_view parameter) const noexcept;
  [[nodiscard]] std::size_t max_page_bytes() const noexcept { return options_.max_page_bytes; }
  [[nodiscard]] const std::vector<std::string>& answer_names() const noexcept { return options_.answer_names; }

  /// A key out of a path; nullopt where it is invalid, which `errors` then says, or where no item can have it (an
  /// integer beyond 64 bits), which it does not.
  [[nodiscard]] std::optional<storage::Key> read_key(std::string_view text, schema::RequestErrors& errors) const;
  /// For operations that know no parameters.
  void refuse_parameters(std::string_view query, schema::RequestErrors& errors) const;

  /// Answers `error` in the client's names, and tells the log where somebody has to look at it.
  void fail(Response& response, const storage::Error& error) const;

 private:
  Resource(RowCodec codec, std::unique_ptr<const ListFields> fields, std::vector<storage::SortTerm> sort,
           std::vector<FrozenField> frozen, std::vector<std::size_t> read_only, std::vector<std::size_t> unseen,
           std::vector<std::size_t> ignored, ResourceModels models, ResourceOptions options);
  /// The parameters of `query` but for the ignored ones, as FastAPI gives them to a model of parameters that has no
  /// fields. Copied into `arena`.
  [[nodiscard]] std::vector<json::Member> group_parameters(std::string_view query, json::Arena& arena) const;

  const RowCodec codec_;
  const std::unique_ptr<const ListFields> fields_;
  const std::vector<storage::SortTerm> default_sort_;
  const bool is_sorted_by_key_;
  const std::vector<FrozenField> frozen_;
  const std::vector<std::size_t> read_only_;
  const std::vector<std::size_t> unseen_;
  const std::vector<std::size_t> ignored_;
  const ResourceModels models_;
  const ResourceOptions options_;
  const CursorCodec cursors_;
  const EntityTags tags_;
  // Places of the past are kept for requests that still look at them: one for each start of an app in this process.
  std::mutex mutex_;
  std::vector<std::unique_ptr<const Place>> places_;
  std::atomic<const Place*> place_ = nullptr;
};

}  // namespace data_bridge::crud
