// One operation on a resource: the whole of its behaviour, whichever door a request came in by.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "crud/entity_tag.hpp"
#include "crud/resource.hpp"
#include "crud/response.hpp"
#include "crud/scope.hpp"
#include "storage/store.hpp"

namespace data_bridge::crud {

class KeyedRequest;

enum class OperationKind : std::uint8_t { kList, kGet, kCreate, kReplace, kUpdate, kDelete };

/// What an operation looks at. Views, valid during the call.
struct Request {
  std::string_view path{};          ///< as sent, percent-encoded; for the links in the answer
  std::string_view query{};         ///< as sent
  std::string_view content_type{};  ///< "" where the field is absent
  std::string_view body{};
  Preconditions preconditions{};
  std::string_view key{};  ///< the path's parameter, decoded; "" for operations on the collection
  std::span<const std::string> idempotency_keys{};  ///< the lines of Idempotency-Key, as Python decodes them
  /// Instead of the operation's own.
  std::shared_ptr<const Scope> scope{};
  /// Of a create that begin_keyed() has begun already.
  std::shared_ptr<KeyedRequest> keyed{};
};

/// A write that has passed validation. Give it to the store with submit().
class PendingWrite : public storage::WriteJob {
 public:
  /// On a thread of the store, once; must not block.
  using Done = std::move_only_function<void(Response&&)>;

  void set_done(Done done) { done_ = std::move(done); }
  /// What becomes true, on any thread, once nobody waits for the answer: a write that has not begun then never does.
  void set_abandoned(std::shared_ptr<const std::atomic<bool>> abandoned) { abandoned_ = std::move(abandoned); }
  [[nodiscard]] bool is_wanted() const noexcept final {
    return abandoned_ == nullptr || !abandoned_->load(std::memory_order_relaxed);
  }
  void finish(const storage::Error* error) noexcept final;
  /// Settles where it is written, whatever the resource is attached to when its turn comes. False where its store is
  /// not open, which `response` then says.
  [[nodiscard]] bool take_place(Response& response);
  [[nodiscard]] storage::Store& store() const noexcept { return *place_->store; }
  void set_scope(std::shared_ptr<const Scope> scope) { scope_ = std::move(scope); }
  /// What leaves the scope is undone.
  [[nodiscard]] bool has_steps() const noexcept override { return scope_ != nullptr; }

 protected:
  explicit PendingWrite(std::shared_ptr<const Resource> resource) : resource_(std::move(resource)) {}
  [[nodiscard]] storage::Collection& collection() const noexcept { return *place_->collection; }
  [[nodiscard]] const Resource::Place& place() const noexcept { return *place_; }
  /// That of a write which is a part of this one.
  void share_place_of(const PendingWrite& part) noexcept { place_ = part.place_; }
  [[nodiscard]] static Response& response_of(PendingWrite& part) noexcept { return part.response_; }
  /// Behind the transaction, before anybody hears of its outcome.
  virtual void let_go() noexcept {}
  /// False where there is a scope and no such item inside of it.
  [[nodiscard]] std::expected<bool, storage::Error> is_reachable(storage::WriteTransaction& transaction,
                                                                 const storage::Key& key) const;
  /// Fails where what was written has left the scope.
  [[nodiscard]] storage::Status keep_inside(storage::WriteTransaction& transaction, const storage::Key& key) const;

  const std::shared_ptr<const Resource> resource_;
  /// What is answered once the transaction is durable.
  Response response_;

 private:
  const Resource::Place* place_ = nullptr;  // kept by the resource
  std::shared_ptr<const Scope> scope_;
  Done done_;
  std::shared_ptr<const std::atomic<bool>> abandoned_;
};

/// A read that is on its way, and its answer as it grows.
class PendingRead : public storage::ReadJob {
 public:
  /// On any thread, once; must not block.
  using Done = std::move_only_function<void(Response&&)>;

  /// Has `done` called with the answer. False where it is there already: response() has it.
  [[nodiscard]] bool wait(Done done);
  [[nodiscard]] bool is_answered() const noexcept { return state_.load(std::memory_order_acquire) == State::kAnswered; }
  /// Once it is answered.
  [[nodiscard]] Response& response() noexcept { return response_; }
  /// What becomes true, on any thread, once nobody waits for the answer.
  [[nodiscard]] std::atomic<bool>& abandoned() noexcept { return abandoned_; }
  [[nodiscard]] bool is_wanted() const noexcept final { return !abandoned_.load(std::memory_order_relaxed); }

 protected:
  /// `response`: empty, perhaps with memory from before.
  PendingRead(std::shared_ptr<const Resource> resource, Response response) noexcept
      : resource_(std::move(resource)), response_(std::move(response)) {}
  /// The last thing that is done here: response_ is the answer.
  void answer() noexcept;
  /// answer(), that `error` is in the way.
  void fail(const storage::Error& error) noexcept;

  const std::shared_ptr<const Resource> resource_;
  Response response_;

 private:
  enum class State : std::uint8_t { kUnanswered, kAwaited, kAnswered };
  std::atomic<State> state_ = State::kUnanswered;
  std::atomic<bool> abandoned_ = false;
  Done done_;
};

/// Shared by all threads; immutable.
class Operation {
 public:
  /// `scope`: of requests that have none of their own; nullptr: everything.
  explicit Operation(std::shared_ptr<const Resource> resource, std::shared_ptr<const Scope> scope = nullptr)
      : resource_(std::move(resource)), scope_(std::move(scope)) {}
  virtual ~Operation() = default;
  [[nodiscard]] virtual OperationKind kind() const noexcept = 0;
  [[nodiscard]] bool is_read() const noexcept {
    return kind() == OperationKind::kList || kind() == OperationKind::kGet;
  }

  /// Reads: answered when it returns, where the store has the answer at once. `memory`: of an earlier response.
  [[nodiscard]] virtual std::shared_ptr<PendingRead> begin(const Request& request, storage::Reading reading,
                                                           Response memory = {}) const = 0;
  /// Writes: validates. nullptr where `response` has the answer already.
  [[nodiscard]] virtual std::unique_ptr<PendingWrite> prepare(const Request& request, Response& response) const = 0;

  /// Hands `write` to the store of the resource.
  void submit(std::unique_ptr<PendingWrite> write) const;

  [[nodiscard]] const std::shared_ptr<const Scope>& scope_of(const Request& request) const noexcept {
    return request.scope != nullptr ? request.scope : scope_;
  }
  [[nodiscard]] const Resource& resource() const noexcept { return *resource_; }
  [[nodiscard]] const std::shared_ptr<const Resource>& shared_resource() const noexcept { return resource_; }

 protected:
  const std::shared_ptr<const Resource> resource_;
  const std::shared_ptr<const Scope> scope_;
};

[[nodiscard]] std::shared_ptr<const Operation> make_operation(OperationKind kind,
                                                              std::shared_ptr<const Resource> resource,
                                                              std::shared_ptr<const Scope> scope = nullptr);

/// For callers that may wait: performs a read, or a write until it is durable.
[[nodiscard]] Response perform(const Operation& operation, const Request& request);

/// For callers that may wait: the answer of a read that has begun. Once.
[[nodiscard]] Response wait_for(PendingRead& read);

}  // namespace data_bridge::crud
