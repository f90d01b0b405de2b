// The loop's generator protocol under the names that the routes' coroutines know.
#pragma once

#include "pyloop/generator.hpp"
#include "pyloop/py_error.hpp"

namespace data_bridge::bridge {

using pyloop::as_iteration;
using pyloop::raise_thrown;

inline PyObject* fetch_exception() { return pyloop::take_exception().release(); }

inline PyTypeObject* make_coroutine_type(const pyloop::CoroutineTraits& traits) {
  return pyloop::make_coroutine_type(traits);
}

}  // namespace data_bridge::bridge
