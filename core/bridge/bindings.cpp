// Calls every file of bindings once.
#include "bridge/bindings.hpp"

#include "bridge/schema_bindings.hpp"

namespace data_bridge::bridge {

void bind_all(nanobind::module_& module) { bind_schema(module); }

}  // namespace data_bridge::bridge
