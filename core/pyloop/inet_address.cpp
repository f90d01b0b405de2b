// Addresses of datagrams, from and to Python.
#include "pyloop/inet_address.hpp"

#include <arpa/inet.h>

#include <cstdint>
#include <cstring>
#include <utility>

namespace data_bridge::pyloop {

namespace {

// An int of 0 to `limit`; false for anything else.
bool number(PyObject* object, unsigned long limit, unsigned long& out) noexcept {
  if (!PyLong_CheckExact(object)) return false;
  out = PyLong_AsUnsignedLong(object);
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    return false;
  }
  return out <= limit;
}

bool same(const InetAddress& left, const InetAddress& right) noexcept {
  if (left.size != right.size || left.any.sa_family != right.any.sa_family) return false;
  if (left.any.sa_family == AF_INET) {
    return left.v4.sin_port == right.v4.sin_port && left.v4.sin_addr.s_addr == right.v4.sin_addr.s_addr;
  }
  return std::memcmp(&left.v6, &right.v6, sizeof left.v6) == 0;
}

PyRef make_tuple(const InetAddress& address) {
  char host[INET6_ADDRSTRLEN];
  if (address.any.sa_family == AF_INET) {
    if (inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof host) == nullptr) return {};
    return PyRef::steal(Py_BuildValue("si", host, static_cast<int>(ntohs(address.v4.sin_port))));
  }
  if (inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof host) == nullptr) return {};
  return PyRef::steal(Py_BuildValue("siII", host, static_cast<int>(ntohs(address.v6.sin6_port)),
                                    static_cast<unsigned>(ntohl(address.v6.sin6_flowinfo)),
                                    static_cast<unsigned>(address.v6.sin6_scope_id)));
}

}  // namespace

bool parse_address(int family, PyObject* address, InetAddress& out) noexcept {
  if (!PyTuple_CheckExact(address)) return false;
  const Py_ssize_t count = PyTuple_GET_SIZE(address);
  if (count < 2 || count > (family == AF_INET ? 2 : 4)) return false;
  PyObject* host = PyTuple_GET_ITEM(address, 0);
  unsigned long port = 0;
  if (!PyUnicode_CheckExact(host) || !PyUnicode_IS_COMPACT_ASCII(host) ||
      !number(PyTuple_GET_ITEM(address, 1), UINT16_MAX, port)) {
    return false;
  }
  const auto* text = reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(host));
  if (std::strlen(text) != static_cast<std::size_t>(PyUnicode_GET_LENGTH(host))) return false;
  if (family == AF_INET) {
    out.v4 = {};
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = htons(static_cast<std::uint16_t>(port));
    out.size = sizeof out.v4;
    return inet_pton(AF_INET, text, &out.v4.sin_addr) == 1;
  }
  unsigned long flow = 0;
  unsigned long scope = 0;
  // RFC 6437: a flow label has 20 bits.
  if (count > 2 && !number(PyTuple_GET_ITEM(address, 2), 0xfffff, flow)) return false;
  if (count > 3 && !number(PyTuple_GET_ITEM(address, 3), UINT32_MAX, scope)) return false;
  out.v6 = {};
  out.v6.sin6_family = AF_INET6;
  out.v6.sin6_port = htons(static_cast<std::uint16_t>(port));
  out.v6.sin6_flowinfo = htonl(static_cast<std::uint32_t>(flow));
  out.v6.sin6_scope_id = static_cast<std::uint32_t>(scope);
  out.size = sizeof out.v6;
  return inet_pton(AF_INET6, text, &out.v6.sin6_addr) == 1;
}

PyRef AddressCache::tuple_of(const InetAddress& address) {
  if (address.size == 0) return PyRef::borrow(Py_None);
  const std::uint16_t port = address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port;
  Entry& entry = entries_[ntohs(port) % kSlots];
  if (!entry.tuple || !same(entry.address, address)) {
    PyRef tuple = make_tuple(address);
    if (!tuple) {
      if (PyErr_Occurred() == nullptr) PyErr_SetFromErrno(PyExc_OSError);
      return {};
    }
    entry.address = address;
    entry.tuple = std::move(tuple);
  }
  return PyRef::borrow(entry.tuple.get());
}

void AddressCache::clear() noexcept {
  for (Entry& entry : entries_) entry.tuple.reset();
}

}  // namespace data_bridge::pyloop
