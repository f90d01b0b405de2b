// Plain Python values to JSON, exactly as FastAPI's JSONResponse writes them.
#pragma once

#include <Python.h>

#include <string>

namespace data_bridge::bridge {

/// Appends what jsonable_encoder() and JSONResponse.render() make of `value`. False, with `out` ending
/// anywhere and no exception set, for all that is not an exact None, bool, int, finite float, str,
/// list, tuple or dict with str keys: those go through FastAPI's own functions.
bool append_plain_json(std::string& out, PyObject* value);

}  // namespace data_bridge::bridge
