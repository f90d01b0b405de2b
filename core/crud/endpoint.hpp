// The native door: HTTP straight to an operation, without Python.
#pragma once

#include <memory>

#include "crud/operation.hpp"
#include "routing/endpoint.hpp"

namespace data_bridge::crud {

/// Reads are answered within the call. Writes are answered on the connection's Reactor once they are durable, so the
/// store must be closed (which finishes every write) before a Reactor or its Connections are destroyed.
///
/// `python` serves the requests that are undecided; it takes a body that is buffered. nullptr: there are none.
[[nodiscard]] std::shared_ptr<routing::Endpoint> make_endpoint(std::shared_ptr<const Operation> operation,
                                                               std::shared_ptr<routing::Endpoint> python = nullptr);

}  // namespace data_bridge::crud
