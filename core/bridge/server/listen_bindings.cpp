// `_core.listen_tcp` and its neighbours for python/data_bridge/supervisor.py: listening sockets that several processes
// accept from, by a server's rules.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bridge/bindings.hpp"
#include "runtime/file_descriptor.hpp"
#include "runtime/handshakes.hpp"
#include "runtime/socket.hpp"

namespace data_bridge::bridge {

namespace nb = nanobind;

namespace {

[[noreturn]] void raise_os_error(const runtime::SocketError& error) {
  const std::string text = error.what + ": " + error.code.message();
  PyErr_SetString(PyExc_OSError, text.c_str());
  throw nb::python_error();
}

std::vector<int> listen_tcp(const std::string& host, std::uint16_t port, int backlog, bool reuse_port) {
  auto sockets = runtime::listen_tcp(host, port, {.backlog = backlog, .reuse_port = reuse_port});
  if (!sockets) raise_os_error(sockets.error());
  std::vector<int> descriptors;
  descriptors.reserve(sockets->size());
  for (auto& socket : *sockets) descriptors.push_back(socket.release());
  return descriptors;
}

int listen_unix(const std::string& path, int backlog) {
  auto socket = runtime::listen_unix(path, {.backlog = backlog});
  if (!socket) raise_os_error(socket.error());
  return socket->release();
}

}  // namespace

void bind_listen(nb::module_& module) {
  module.def("listen_tcp", &listen_tcp, nb::arg("host"), nb::arg("port"), nb::arg("backlog"),
             nb::arg("reuse_port") = false);
  module.def("listen_unix", &listen_unix, nb::arg("path"), nb::arg("backlog"));
  module.def("close_queue", &runtime::close_queue, nb::arg("listener"));
  module.def("handshakes_under_way", &runtime::handshakes_under_way, nb::arg("listener"));
}

}  // namespace data_bridge::bridge
