// Compiled schemas for Python: for the exporter, for the tests, for CRUD's registration.
#pragma once

#include <nanobind/nanobind.h>

namespace data_bridge::bridge {

void bind_schema(nanobind::module_& module);

}  // namespace data_bridge::bridge
