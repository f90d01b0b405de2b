// create_task and create_future of LoopBase.
#pragma once

#include <Python.h>

namespace data_bridge::pyloop {

/// create_task(coro, *, name=None, context=None), vectorcall without self. As BaseEventLoop.create_task().
[[nodiscard]] PyObject* create_task(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames);
[[nodiscard]] PyObject* create_future(PyObject* self, PyObject* unused);

int register_futures();

}  // namespace data_bridge::pyloop
