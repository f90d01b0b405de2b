// Why a store did not do what it was asked to.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace data_bridge::storage {

enum class Errc : std::uint8_t {
  kConflict,         ///< a key or a unique field that another item has; Error::fields says which
  kRejected,         ///< a value the table cannot hold (NOT NULL, type); a model and a table that differ
  kTooBig,           ///< a value beyond what the store can hold in one item
  kKeysExhausted,    ///< no integer key is left to assign
  kOverloaded,       ///< too much waits already; try again
  kAbandoned,        ///< nobody waits for the outcome any more; nothing was done
  kBusy,             ///< locked by somebody else for longer than the store waits; try again
  kReadOnly,         ///< the medium or the file refuses writes
  kFull,             ///< no space left
  kUnavailable,      ///< the database is gone, or cannot be opened; it may come back
  kTimeout,          ///< interrupted by a time limit
  kSlow,             ///< within a store: takes longer than a thread has that others wait for
  kIo,               ///< the medium failed
  kCorrupt,          ///< not a database, or a damaged one
  kClosed,           ///< the store was closed
  kForbidden,        ///< what a job has done is not allowed, it finds, and is to be undone
  kSchemaMismatch,   ///< at start: the table is not what the model needs
  kInvalidArgument,  ///< at start: a name or an option that cannot be used
  kInternal,         ///< a fault of ours or of the library
};

struct Error {
  Errc code = Errc::kInternal;
  std::vector<std::string> fields;  ///< kConflict: the fields, in the order of the constraint
  std::string detail;  ///< for the log and the start-up message; may name files and tables, so never for a client
};

/// What something that gives nothing back ends with.
using Status = std::expected<void, Error>;

}  // namespace data_bridge::storage
