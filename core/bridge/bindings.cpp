// Calls every file of bindings once.
#include "bridge/bindings.hpp"

#include "bridge/crud_bindings.hpp"
#include "bridge/form_bindings.hpp"
#include "bridge/framework_bindings.hpp"
#include "bridge/response_bindings.hpp"
#include "bridge/schema_bindings.hpp"
#include "bridge/store_bindings.hpp"
#include "pyloop/loop.hpp"

namespace data_bridge::bridge {

void bind_all(nanobind::module_& module) {
  if (pyloop::register_pyloop(module.ptr()) < 0) throw nanobind::python_error();
  bind_crud(module);
  bind_forms(module);
  bind_framework(module);
  bind_responses(module);
  bind_schema(module);
  bind_store_maintenance(module);
  bind_listen(module);
  bind_server(module);
}

}  // namespace data_bridge::bridge
