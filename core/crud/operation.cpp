// What all operations have in common, and the making of each.
#include "crud/operation.hpp"

#include <future>
#include <utility>

#include "crud/read_operations.hpp"
#include "crud/write_operations.hpp"

namespace data_bridge::crud {

bool PendingWrite::take_place(Response& response) {
  place_ = resource_->place();
  if (place_ == nullptr) {
    resource_->fail(response, storage::Error{storage::Errc::kClosed, {}, "the store is not open"});
  }
  return place_ != nullptr;
}

std::expected<bool, storage::Error> PendingWrite::is_reachable(storage::WriteTransaction& transaction,
                                                               const storage::Key& key) const {
  return scope_ == nullptr ? true : is_inside(*resource_, *scope_, transaction, collection(), key);
}

storage::Status PendingWrite::keep_inside(storage::WriteTransaction& transaction, const storage::Key& key) const {
  const auto inside = is_reachable(transaction, key);
  if (!inside) {
    return std::unexpected(inside.error());
  }
  return *inside ? storage::Status() : std::unexpected(storage::Error{storage::Errc::kForbidden, {}, {}});
}

void PendingWrite::finish(const storage::Error* error) noexcept {
  if (error != nullptr) {
    resource_->fail(response_, *error);
  }
  let_go();
  done_(std::move(response_));
}

bool PendingRead::wait(Done done) {
  done_ = std::move(done);
  State state = State::kUnanswered;
  if (state_.compare_exchange_strong(state, State::kAwaited, std::memory_order_acq_rel, std::memory_order_acquire)) {
    return true;
  }
  done_ = nullptr;
  return false;
}

void PendingRead::answer() noexcept {
  if (state_.exchange(State::kAnswered, std::memory_order_acq_rel) == State::kAwaited) {
    Done done = std::move(done_);  // what it holds ends with the call
    done(std::move(response_));
  }
}

void PendingRead::fail(const storage::Error& error) noexcept {
  resource_->fail(response_, error);
  answer();
}

void Operation::submit(std::unique_ptr<PendingWrite> write) const {
  storage::Store& store = write->store();
  store.submit(std::move(write));
}

std::shared_ptr<const Operation> make_operation(OperationKind kind, std::shared_ptr<const Resource> resource,
                                                std::shared_ptr<const Scope> scope) {
  switch (kind) {
    case OperationKind::kList:
      return std::make_shared<ListOperation>(std::move(resource), std::move(scope));
    case OperationKind::kGet:
      return std::make_shared<GetOperation>(std::move(resource), std::move(scope));
    case OperationKind::kCreate:
      return std::make_shared<CreateOperation>(std::move(resource), std::move(scope));
    case OperationKind::kReplace:
      return std::make_shared<ReplaceOperation>(std::move(resource), std::move(scope));
    case OperationKind::kUpdate:
      return std::make_shared<UpdateOperation>(std::move(resource), std::move(scope));
    case OperationKind::kDelete:
      break;
  }
  return std::make_shared<DeleteOperation>(std::move(resource), std::move(scope));
}

Response wait_for(PendingRead& read) {
  std::promise<Response> promise;
  const bool waits = read.wait([&promise](Response&& done) { promise.set_value(std::move(done)); });
  return waits ? promise.get_future().get() : std::move(read.response());
}

Response perform(const Operation& operation, const Request& request) {
  if (operation.is_read()) {
    return wait_for(*operation.begin(request, nullptr));
  }
  Response response;
  auto write = operation.prepare(request, response);
  if (write == nullptr) {
    return response;
  }
  std::promise<Response> promise;
  write->set_done([&promise](Response&& done) { promise.set_value(std::move(done)); });
  operation.submit(std::move(write));
  return promise.get_future().get();
}

}  // namespace data_bridge::crud
