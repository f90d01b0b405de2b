// _core.LoopBase: the C type that data_bridge.PyLoop puts before asyncio's selector loop.
#pragma once

#include <Python.h>

#include "pyloop/loop_state.hpp"

namespace data_bridge::pyloop {

[[nodiscard]] bool is_loop(PyObject* object) noexcept;

/// The methods of LoopBase (loop_methods.cpp).
extern PyMethodDef loop_methods[];

/// Looks whether time() is still LoopBase's own; a subclass, or a test with a clock of its own, may replace it. False
/// with an exception.
[[nodiscard]] bool find_clock(PyObject* loop);

int register_loop_type(PyObject* module);

}  // namespace data_bridge::pyloop
