// The extension module data_bridge._core: every binding of every layer, in one list.
#include <nanobind/nanobind.h>

#include "bridge/bindings.hpp"

NB_MODULE(_core, module) {
  module.doc() = "The native half of data_bridge.";
  data_bridge::bridge::bind_all(module);
}
