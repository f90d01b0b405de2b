// What stands in the place of FastAPI's and Starlette's own constructors and readers.
#pragma once

#include <nanobind/nanobind.h>

namespace data_bridge::bridge {

void bind_framework(nanobind::module_& module);

}  // namespace data_bridge::bridge
