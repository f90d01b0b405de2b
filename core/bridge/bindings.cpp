// Calls every file of bindings once.
#include "bridge/bindings.hpp"

namespace data_bridge::bridge {

void bind_all(nanobind::module_& module) { (void)module; }

}  // namespace data_bridge::bridge
