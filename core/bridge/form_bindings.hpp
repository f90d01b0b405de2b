// The native readers of forms for Python, which compares them with Starlette's parsers.
#pragma once

#include <nanobind/nanobind.h>

namespace data_bridge::bridge {

void bind_forms(nanobind::module_& module);

}  // namespace data_bridge::bridge
