// The plain cases of starlette.datastructures.URL and starlette.requests.cookie_parser().
#include "bridge/compiled/starlette_values.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "bridge/asgi/names.hpp"
#include "bridge/text.hpp"
#include "text/characters.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

constexpr std::size_t kMostPortDigits = 5;
constexpr unsigned kLastPort = 65535;

bool is_visible(char c) noexcept { return c > ' ' && c < '\x7f'; }

// What would begin another part of a URL, or is written otherwise by some releases.
bool is_plain_in_path(char c) noexcept { return is_visible(c) && c != '?' && c != '#' && c != '\\'; }

bool is_plain_in_query(char c) noexcept { return is_visible(c) && c != '#'; }

// Of others, "_" among them, releases think differently.
bool is_plain_in_host(char c) noexcept { return text::is_letter(c) || text::is_digit(c) || c == '.' || c == '-'; }

bool is_plain_port(std::string_view port) noexcept {
  if (port.empty() || port.size() > kMostPortDigits) return false;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc() && end == port.data() + port.size() && number <= kLastPort;
}

bool is_plain_authority(std::string_view authority) noexcept {
  const std::size_t colon = authority.find(':');
  const std::string_view host = authority.substr(0, colon);
  return !host.empty() && std::ranges::all_of(host, is_plain_in_host) &&
         (colon == std::string_view::npos || is_plain_port(authority.substr(colon + 1)));
}

/// The value of the first Host field.
std::optional<std::string_view> host_field(PyObject* fields) noexcept {
  if (fields == nullptr || !PyList_CheckExact(fields)) return std::nullopt;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(fields); ++i) {
    PyObject* const pair = PyList_GET_ITEM(fields, i);
    if (!PyTuple_CheckExact(pair) || PyTuple_GET_SIZE(pair) != 2) return std::nullopt;
    PyObject* const name = PyTuple_GET_ITEM(pair, 0);
    PyObject* const value = PyTuple_GET_ITEM(pair, 1);
    if (!PyBytes_CheckExact(name) || !PyBytes_CheckExact(value)) return std::nullopt;
    if (bytes_view(name) == "host") return bytes_view(value);
  }
  return std::nullopt;
}

struct PlainUrl {
  std::string_view scheme;
  std::string_view authority;
  std::string_view path;
  std::string_view query;
};

std::optional<PlainUrl> read_plain(PyObject* scope) noexcept {
  if (!PyDict_CheckExact(scope)) return std::nullopt;
  const AsgiNames& name = asgi_names();
  const auto item = [scope](PyObject* key) { return PyDict_GetItemWithError(scope, key); };
  const auto scheme = ascii_view(item(name.scheme));
  const auto path = ascii_view(item(name.path));
  PyObject* const query = item(name.query_string);
  const auto authority = host_field(item(name.headers));
  if (!scheme || !path || !authority || query == nullptr || !PyBytes_CheckExact(query)) return std::nullopt;
  const PlainUrl url{*scheme, *authority, *path, bytes_view(query)};
  const bool plain = (url.scheme == "http" || url.scheme == "https") && is_plain_authority(url.authority) &&
                     url.path.starts_with('/') && std::ranges::all_of(url.path, is_plain_in_path) &&
                     std::ranges::all_of(url.query, is_plain_in_query);
  return plain ? std::optional(url) : std::nullopt;
}

PyRef str(std::string_view text) {
  return PyRef::steal(PyUnicode_DecodeASCII(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
}

std::string joined(const PlainUrl& url) {
  std::string text;
  text.reserve(url.scheme.size() + url.authority.size() + url.path.size() + url.query.size() + 4);
  text.append(url.scheme).append("://").append(url.authority).append(url.path);
  if (!url.query.empty()) text.append("?").append(url.query);
  return text;
}

/// split_result(scheme, netloc, path, query, fragment), a named tuple.
PyRef components(const PlainUrl& url, PyTypeObject* split_result) {
  const PyRef parts = PyRef::steal(PyTuple_New(5));
  if (!parts) return {};
  Py_ssize_t place = 0;
  for (const std::string_view part : {url.scheme, url.authority, url.path, url.query, std::string_view()}) {
    PyObject* const value = str(part).release();
    if (value == nullptr) return {};
    PyTuple_SET_ITEM(parts.get(), place++, value);
  }
  const PyRef arguments = PyRef::steal(PyTuple_Pack(1, parts.get()));
  return PyRef::steal(arguments ? PyTuple_Type.tp_new(split_result, arguments.get(), nullptr) : nullptr);
}

}  // namespace

int fill_url(PyObject* url, PyObject* scope, PyTypeObject* split_result) {
  static PyObject* const url_name = PyUnicode_InternFromString("_url");
  static PyObject* const components_name = PyUnicode_InternFromString("_components");
  const std::optional<PlainUrl> plain = read_plain(scope);
  if (!plain) return PyErr_Occurred() != nullptr ? -1 : 0;
  const PyRef text = str(joined(*plain));
  const PyRef parts = text ? components(*plain, split_result) : PyRef();
  if (!parts || PyObject_SetAttr(url, url_name, text.get()) != 0 ||
      PyObject_SetAttr(url, components_name, parts.get()) != 0) {
    return -1;
  }
  return 1;
}

PyRef plain_cookies(PyObject* field) {
  const std::optional<std::string_view> text = ascii_view(field);
  if (!text || !std::ranges::all_of(*text, [](char c) { return c == ' ' || (is_visible(c) && c != '"'); })) return {};
  PyRef cookies = PyRef::steal(PyDict_New());
  for (std::string_view rest = *text; cookies;) {
    const std::size_t end = rest.find(';');
    const std::string_view chunk = rest.substr(0, end);
    const std::size_t equals = chunk.find('=');
    const bool named = equals != std::string_view::npos;
    const std::string_view name = named ? text::trim(chunk.substr(0, equals)) : std::string_view();
    const std::string_view value = text::trim(named ? chunk.substr(equals + 1) : chunk);
    if (!name.empty() || !value.empty()) {
      const PyRef key = str(name);
      const PyRef content = str(value);
      if (!key || !content || PyDict_SetItem(cookies.get(), key.get(), content.get()) != 0) return {};
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return cookies;
}

}  // namespace data_bridge::bridge
