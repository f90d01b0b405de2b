// What the extension module is made of; one function per file of bindings.
#pragma once

#include <nanobind/nanobind.h>

namespace data_bridge::bridge {

void bind_all(nanobind::module_& module);

void bind_listen(nanobind::module_& module);
void bind_server(nanobind::module_& module);

}  // namespace data_bridge::bridge
