// The hot half of UDP transports.
#pragma once

#include <Python.h>

namespace data_bridge::pyloop {

int register_datagram_transport(PyObject* module);

}  // namespace data_bridge::pyloop
