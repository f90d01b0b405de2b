// Stores, resources and CRUD operations for Python.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "routing/endpoint.hpp"

namespace data_bridge::bridge {

void bind_crud(nanobind::module_& module);

/// The native door of a `_core.CrudOperation`; nullptr for any other object. `python`: see crud::make_endpoint(). With
/// the GIL.
[[nodiscard]] std::shared_ptr<routing::Endpoint> endpoint_of(nanobind::handle operation,
                                                             std::shared_ptr<routing::Endpoint> python = nullptr);

}  // namespace data_bridge::bridge
