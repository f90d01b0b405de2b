// Builds the ASGI scope dict from a parsed request.
#include "bridge/asgi/scope.hpp"

#include <string_view>

#include "bridge/asgi/names.hpp"
#include "bridge/text.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

PyRef str(std::string_view text) {
  return PyRef::steal(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogateescape"));
}

PyRef bytes(std::string_view text) {
  return PyRef::steal(PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

PyRef header_list(const http::Request& request) {
  PyRef list = PyRef::steal(PyList_New(static_cast<Py_ssize_t>(request.headers.size())));
  if (!list) return {};
  Py_ssize_t index = 0;
  for (const auto& [name, value] : request.headers) {
    PyObject* pair = PyTuple_New(2);
    if (pair == nullptr) return {};
    PyList_SET_ITEM(list.get(), index++, pair);
    PyTuple_SET_ITEM(pair, 0, lowercase_bytes(name));
    PyTuple_SET_ITEM(pair, 1, bytes(value).release());
    if (PyTuple_GET_ITEM(pair, 0) == nullptr || PyTuple_GET_ITEM(pair, 1) == nullptr) return {};
  }
  return list;
}

/// (host, port); (path, None) for a Unix socket's server side, None for its client side.
PyRef server_address(const Conversation& conversation) {
  if (conversation.server().family == runtime::SocketAddress::Family::kUnix) {
    return PyRef::steal(Py_BuildValue("(sO)", conversation.server_path().c_str(), Py_None));
  }
  return PyRef::steal(
      Py_BuildValue("(si)", conversation.server().host().c_str(), static_cast<int>(conversation.server().port)));
}

PyRef client_address(const Conversation& conversation) {
  if (conversation.client().family == runtime::SocketAddress::Family::kUnix) return PyRef::borrow(Py_None);
  return PyRef::steal(
      Py_BuildValue("(si)", conversation.client().host().c_str(), static_cast<int>(conversation.client().port)));
}

bool has_forwarded_field(const http::Request& request) noexcept {
  return request.header("x-forwarded-proto").has_value() || request.header("x-forwarded-for").has_value();
}

bool has_proxy_hook(const AppContext& app, const http::Request& request) noexcept {
  PyObject* hook = app.hooks.apply_proxy_headers.get();
  return hook != nullptr && hook != Py_None && has_forwarded_field(request);
}

bool set(PyObject* dict, PyObject* key, PyRef value) noexcept {
  return value && PyDict_SetItem(dict, key, value.get()) == 0;
}

}  // namespace

PyRef make_http_scope(const AppContext& app, const Conversation& conversation) {
  const AsgiNames& name = asgi_names();
  const http::Request& request = conversation.request().head();
  PyRef scope = PyRef::steal(PyDict_New());
  PyRef asgi = PyRef::steal(PyDict_New());
  if (!scope || !asgi || PyDict_SetItem(asgi.get(), name.version, name.asgi_version) != 0 ||
      PyDict_SetItem(asgi.get(), name.spec_version, name.spec) != 0) {
    return {};
  }
  PyObject* dict = scope.get();
  PyObject* version = request.version == http::Version::kHttp10 ? name.http10 : name.http11;
  PyRef root_path = str(app.root_path);
  PyRef path = PyRef::steal(path_str(request.path));
  PyRef raw_path = bytes(request.path);
  if (!app.root_path.empty()) {  // an ASGI server puts root_path in front of both
    path = PyRef::steal(root_path && path ? PyUnicode_Concat(root_path.get(), path.get()) : nullptr);
    raw_path = bytes(app.root_path + std::string(request.path));
  }
  const bool complete =
      PyDict_SetItem(dict, name.type, name.http) == 0 && set(dict, name.asgi, std::move(asgi)) &&
      PyDict_SetItem(dict, name.http_version, version) == 0 && set(dict, name.server, server_address(conversation)) &&
      set(dict, name.client, client_address(conversation)) && PyDict_SetItem(dict, name.scheme, name.http) == 0 &&
      set(dict, name.root_path, std::move(root_path)) && set(dict, name.headers, header_list(request)) &&
      set(dict, name.state, PyRef::steal(PyDict_Copy(app.state.get()))) &&
      set(dict, name.method, str(request.method)) && set(dict, name.path, std::move(path)) &&
      set(dict, name.raw_path, std::move(raw_path)) && set(dict, name.query_string, bytes(request.query));
  if (!complete) return {};
  if (has_proxy_hook(app, request)) {
    if (!PyRef::steal(PyObject_CallOneArg(app.hooks.apply_proxy_headers.get(), dict))) return {};
  }
  return scope;
}

std::optional<std::string> request_scheme(const AppContext& app, const Conversation& conversation) {
  if (!has_proxy_hook(app, conversation.request().head())) return "http";
  PyRef scope = make_http_scope(app, conversation);
  PyObject* scheme = scope ? PyDict_GetItemWithError(scope.get(), asgi_names().scheme) : nullptr;
  const char* text = scheme != nullptr ? PyUnicode_AsUTF8(scheme) : nullptr;
  if (text == nullptr) return std::nullopt;
  return text;
}

}  // namespace data_bridge::bridge
