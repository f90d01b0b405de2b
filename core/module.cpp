// The extension module data_bridge._core: every binding of every layer, in one list.
#include <nanobind/nanobind.h>

#include "bridge/bindings.hpp"

NB_MODULE(_core, module) {
#ifdef NDEBUG
  // FastAPI's caches keep the last few hundred endpoints, and with them what they call, until the process has ended:
  // nanobind would take that for leaks and say so at the end of people's test runs.
  nanobind::set_leak_warnings(false);
#endif
  module.doc() = "The native half of data_bridge.";
  data_bridge::bridge::bind_all(module);
}
