// Query and header fields of an ASGI scope, as views.
#pragma once

#include <Python.h>

#include <vector>

#include "http/request.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Keeps what it has views of, whatever becomes of the scope.
class ScopeHead {
 public:
  /// False where the head is not what a server makes of one: the framework's own code reads it then.
  bool read(PyObject* scope);
  /// With `query` and `headers` only.
  [[nodiscard]] const http::Request& request() const noexcept { return request_; }

 private:
  http::Request request_{};
  std::vector<http::Header> headers_;
  pyloop::PyRef query_;
  pyloop::PyRef fields_;
};

}  // namespace data_bridge::bridge
