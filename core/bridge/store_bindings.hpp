// What is done to a store beside serving it, for Python; and how its errors are raised there.
#pragma once

#include <nanobind/nanobind.h>

#include "storage/error.hpp"

namespace data_bridge::bridge {

void bind_store_maintenance(nanobind::module_& module);

/// ValueError for what is wrong with what was asked for, OSError for what is wrong with the database. With the GIL.
[[noreturn]] void raise_store_error(const storage::Error& error);

}  // namespace data_bridge::bridge
