// The hot half of TCP and Unix stream transports: reading, writing, and one send per turn.
#pragma once

#include <Python.h>

namespace data_bridge::pyloop {

/// Sends what `transport` has been given in this turn. False with an exception that must leave the loop.
[[nodiscard]] bool flush_stream(PyObject* transport);

int register_stream_transport(PyObject* module);

}  // namespace data_bridge::pyloop
