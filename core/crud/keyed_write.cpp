// A write that is done once, however often its request comes.
#include "crud/keyed_write.hpp"

#include <utility>

#include "crud/remembered_answers.hpp"

namespace data_bridge::crud {
namespace {

class KeyedWrite final : public PendingWrite {
 public:
  KeyedWrite(std::shared_ptr<const Resource> resource, std::unique_ptr<PendingWrite> part,
             std::shared_ptr<KeyedRequest> request)
      : PendingWrite(std::move(resource)), part_(std::move(part)), request_(std::move(request)) {
    share_place_of(*part_);
  }

  std::size_t memory() const noexcept override {
    return sizeof(*this) + part_->memory() + 2 * request_->name().capacity();
  }
  bool has_steps() const noexcept override { return true; }

  storage::Status execute(storage::WriteTransaction& transaction) override {
    storage::Collection& answers = *place().answers;
    const auto remembered = recall(transaction, answers, *request_, response_);
    if (!remembered) {
      return std::unexpected(remembered.error());
    }
    if (*remembered) {
      return {};
    }
    Response& answer = response_of(*part_);
    if (auto done = part_->has_steps() ? transaction.attempt([&] { return part_->execute(transaction); })
                                       : part_->execute(transaction);
        !done) {
      // What the items decide is an answer as any other. What the store could not do may be possible the next time.
      if (done.error().code != storage::Errc::kConflict && done.error().code != storage::Errc::kForbidden) {
        return done;
      }
      resource_->fail(answer, done.error());
    }
    if (auto kept = remember(transaction, answers, *request_, answer); !kept) {
      return kept;
    }
    response_ = std::move(answer);
    return {};
  }

 private:
  void let_go() noexcept override { request_->end(); }

  const std::unique_ptr<PendingWrite> part_;
  const std::shared_ptr<KeyedRequest> request_;
};

}  // namespace

std::unique_ptr<PendingWrite> keyed(std::unique_ptr<PendingWrite> write, std::shared_ptr<const Resource> resource,
                                    std::shared_ptr<KeyedRequest> request) {
  return std::make_unique<KeyedWrite>(std::move(resource), std::move(write), std::move(request));
}

std::unique_ptr<PendingWrite> keyed_by(std::optional<std::string> key, std::unique_ptr<PendingWrite> write,
                                       const std::shared_ptr<const Resource>& resource, const Request& request,
                                       const Scope* scope, Response& response) {
  if (!key || write == nullptr) {
    return write;
  }
  auto begun = KeyedRequest::begin(resource, request, scope, std::move(*key));
  if (!begun) {
    response = std::move(begun.error());
    return nullptr;
  }
  return keyed(std::move(write), resource, std::move(*begun));
}

std::expected<std::shared_ptr<KeyedRequest>, Response> begin_keyed(const Operation& operation, const Request& request) {
  const Resource& resource = operation.resource();
  schema::RequestErrors errors;
  auto key = read_idempotency_key(request, errors);
  if (!key) {
    return nullptr;
  }
  auto begun =
      KeyedRequest::begin(operation.shared_resource(), request, operation.scope_of(request).get(), std::move(*key));
  if (!begun) {
    return begun;
  }
  Response response;
  const auto remembered = recall(*(*begun)->place().answers, **begun, response);
  if (!remembered) {
    resource.fail(response, remembered.error());
  }
  return remembered && !*remembered ? std::move(begun) : std::unexpected(std::move(response));
}

}  // namespace data_bridge::crud
