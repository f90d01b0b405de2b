// What requests with an Idempotency-Key were answered, in the database of what they wrote.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>

#include "crud/idempotency_key.hpp"
#include "crud/response.hpp"
#include "storage/store.hpp"
#include "storage/table.hpp"

namespace data_bridge::crud {

/// How long an answer is remembered.
constexpr std::chrono::hours kAnswerLifetime{24};
/// A request whose answer would be longer is 413 and not done.
constexpr std::size_t kMaxRememberedAnswer = std::size_t{1024} * 1024;

[[nodiscard]] storage::Table answers_table();

/// False where nothing is remembered. Else `response` has the first answer, or says that the key was another request's.
[[nodiscard]] std::expected<bool, storage::Error> recall(storage::Collection& answers, const KeyedRequest& request,
                                                         Response& response);

/// The same as a transaction sees it. What is too old goes, some of the others' as well, so that the table holds little
/// more than what still counts.
[[nodiscard]] std::expected<bool, storage::Error> recall(storage::WriteTransaction& transaction,
                                                         storage::Collection& answers, const KeyedRequest& request,
                                                         Response& response);

/// After recall() has found nothing. kTooBig: see kMaxRememberedAnswer.
[[nodiscard]] storage::Status remember(storage::WriteTransaction& transaction, storage::Collection& answers,
                                       const KeyedRequest& request, const Response& response);

}  // namespace data_bridge::crud
