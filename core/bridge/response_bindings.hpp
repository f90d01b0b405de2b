// The native writer of responses for Python, which makes one for each route and compares it with Pydantic.
#pragma once

#include <nanobind/nanobind.h>

namespace data_bridge::bridge {

void bind_responses(nanobind::module_& module);

}  // namespace data_bridge::bridge
