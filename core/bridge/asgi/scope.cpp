// Builds the ASGI scope dict from a parsed request.
#include "bridge/asgi/scope.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "bridge/asgi/names.hpp"
#include "bridge/text.hpp"
#include "text/characters.hpp"

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
PyRef server_address(const runtime::SocketAddress& server, const std::string& path) {
  if (server.family == runtime::SocketAddress::Family::kUnix) {
    return PyRef::steal(Py_BuildValue("(sO)", path.c_str(), Py_None));
  }
  return PyRef::steal(Py_BuildValue("(si)", server.host().c_str(), static_cast<int>(server.port)));
}

PyRef client_address(const runtime::SocketAddress& client) {
  if (client.family == runtime::SocketAddress::Family::kUnix) return PyRef::borrow(Py_None);
  return PyRef::steal(Py_BuildValue("(si)", client.host().c_str(), static_cast<int>(client.port)));
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

PyRef asgi_version(PyObject* spec_version) {
  const AsgiNames& name = asgi_names();
  PyRef asgi = PyRef::steal(PyDict_New());
  if (!asgi || PyDict_SetItem(asgi.get(), name.version, name.asgi_version) != 0 ||
      PyDict_SetItem(asgi.get(), name.spec_version, spec_version) != 0) {
    return {};
  }
  return asgi;
}

/// An ASGI server puts root_path in front of both ways to write the path.
struct Paths {
  Paths(const AppContext& app, const http::Request& request)
      : root_path(str(app.root_path)), path(PyRef::steal(path_str(request.path))), raw_path(bytes(request.path)) {
    if (app.root_path.empty()) return;
    path = PyRef::steal(root_path && path ? PyUnicode_Concat(root_path.get(), path.get()) : nullptr);
    raw_path = bytes(app.root_path + std::string(request.path));
  }
  PyRef root_path;
  PyRef path;
  PyRef raw_path;
};

bool apply_proxy_headers(const AppContext& app, const http::Request& request, PyObject* scope) {
  if (!has_proxy_hook(app, request)) return true;
  return static_cast<bool>(PyRef::steal(PyObject_CallOneArg(app.hooks.apply_proxy_headers.get(), scope)));
}

/// What a client offers in all Sec-WebSocket-Protocol lines, split at commas.
PyRef subprotocol_list(const http::Request& request) {
  PyRef list = PyRef::steal(PyList_New(0));
  if (!list) return {};
  for (const auto& [name, value] : request.headers) {
    if (!text::equals_lower(name, "sec-websocket-protocol")) continue;
    std::string_view rest = value;
    while (true) {
      const std::size_t comma = rest.find(',');
      const std::string_view token = text::trim(rest.substr(0, comma));
      const PyRef item =
          PyRef::steal(PyUnicode_DecodeLatin1(token.data(), static_cast<Py_ssize_t>(token.size()), nullptr));
      if (!item || PyList_Append(list.get(), item.get()) != 0) return {};
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return list;
}

/// {name: {}, ...}
PyRef make_extensions(std::initializer_list<PyObject*> names) {
  PyRef extensions = PyRef::steal(PyDict_New());
  if (!extensions) return {};
  for (PyObject* const name : names) {
    if (!set(extensions.get(), name, PyRef::steal(PyDict_New()))) return {};
  }
  return extensions;
}

/// With all that HTTP/1.1 has; borrowed.
PyObject* all_http_extensions() {
  const AsgiNames& name = asgi_names();
  static PyObject* const all = make_extensions({name.http_response_pathsend, name.http_response_trailers}).release();
  return all;
}

/// A dict for each request, which may change it. What it has are empty dicts of the process.
PyRef http_extensions(bool pathsend) {
  static PyObject* const trailers = make_extensions({asgi_names().http_response_trailers}).release();
  PyObject* const extensions = pathsend ? all_http_extensions() : trailers;
  return PyRef::steal(extensions != nullptr ? PyDict_Copy(extensions) : PyErr_NoMemory());
}

}  // namespace

PyObject* pathsend_extension() {
  PyObject* const extensions = all_http_extensions();
  if (extensions == nullptr) return PyErr_NoMemory();
  return PyDict_GetItemWithError(extensions, asgi_names().http_response_pathsend);
}

PyRef make_http_scope(const AppContext& app, const Conversation& conversation) {
  const AsgiNames& name = asgi_names();
  const http::Request& request = conversation.request().head();
  PyRef scope = PyRef::steal(PyDict_New());
  if (!scope) return {};
  PyObject* dict = scope.get();
  PyObject* version = request.version == http::Version::kHttp10 ? name.http10 : name.http11;
  Paths paths(app, request);
  const bool complete =
      PyDict_SetItem(dict, name.type, name.http) == 0 && set(dict, name.asgi, asgi_version(name.spec)) &&
      PyDict_SetItem(dict, name.http_version, version) == 0 &&
      set(dict, name.server, server_address(conversation.server(), conversation.server_path())) &&
      set(dict, name.client, client_address(conversation.client())) &&
      PyDict_SetItem(dict, name.scheme, name.http) == 0 && set(dict, name.root_path, std::move(paths.root_path)) &&
      set(dict, name.headers, header_list(request)) &&
      set(dict, name.state, PyRef::steal(PyDict_Copy(app.state.get()))) &&
      set(dict, name.method, str(request.method)) && set(dict, name.path, std::move(paths.path)) &&
      set(dict, name.raw_path, std::move(paths.raw_path)) && set(dict, name.query_string, bytes(request.query)) &&
      set(dict, name.extensions, http_extensions(app.announces_pathsend));
  if (!complete || !apply_proxy_headers(app, request, dict)) return {};
  return scope;
}

PyRef make_websocket_scope(const AppContext& app, const WebSocketConversation& conversation) {
  const AsgiNames& name = asgi_names();
  const http::Request& request = conversation.request();
  PyRef scope = PyRef::steal(PyDict_New());
  if (!scope) return {};
  PyObject* dict = scope.get();
  Paths paths(app, request);
  const bool complete =
      PyDict_SetItem(dict, name.type, name.websocket) == 0 && set(dict, name.asgi, asgi_version(name.websocket_spec)) &&
      PyDict_SetItem(dict, name.http_version, name.http11) == 0 && PyDict_SetItem(dict, name.scheme, name.ws) == 0 &&
      set(dict, name.server, server_address(conversation.server(), conversation.server_path())) &&
      set(dict, name.client, client_address(conversation.client())) &&
      set(dict, name.root_path, std::move(paths.root_path)) && set(dict, name.path, std::move(paths.path)) &&
      set(dict, name.raw_path, std::move(paths.raw_path)) && set(dict, name.query_string, bytes(request.query)) &&
      set(dict, name.headers, header_list(request)) && set(dict, name.subprotocols, subprotocol_list(request)) &&
      set(dict, name.state, PyRef::steal(PyDict_Copy(app.state.get()))) &&
      set(dict, name.extensions, make_extensions({name.websocket_http_response}));
  if (!complete || !apply_proxy_headers(app, request, dict)) return {};
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
