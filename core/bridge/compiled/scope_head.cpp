// Reads a scope's query and header fields.
#include "bridge/compiled/scope_head.hpp"

#include "bridge/asgi/names.hpp"
#include "bridge/text.hpp"
#include "text/characters.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

bool ScopeHead::read(PyObject* scope) {
  const AsgiNames& name = asgi_names();
  PyObject* const query = PyDict_GetItemWithError(scope, name.query_string);
  PyObject* const fields = PyDict_GetItemWithError(scope, name.headers);
  if (query == nullptr || !PyBytes_CheckExact(query) || fields == nullptr || !PyList_CheckExact(fields)) return false;
  query_ = PyRef::borrow(query);
  fields_ = PyRef::steal(PyList_AsTuple(fields));
  if (!fields_) return false;
  request_.query = bytes_view(query);
  const Py_ssize_t count = PyTuple_GET_SIZE(fields_.get());
  headers_.reserve(static_cast<std::size_t>(count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* const pair = PyTuple_GET_ITEM(fields_.get(), i);
    if (!PyTuple_CheckExact(pair) || PyTuple_GET_SIZE(pair) != 2) return false;
    PyObject* const field = PyTuple_GET_ITEM(pair, 0);
    PyObject* const value = PyTuple_GET_ITEM(pair, 1);
    if (!PyBytes_CheckExact(field) || !PyBytes_CheckExact(value)) return false;
    // Starlette finds names in lower case only, as servers write them.
    if (text::has_upper(bytes_view(field))) continue;
    headers_.push_back({bytes_view(field), bytes_view(value)});
  }
  request_.headers = headers_;
  return true;
}

}  // namespace data_bridge::bridge
