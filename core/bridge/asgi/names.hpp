// Keys and constant values of ASGI's dicts, interned once for the process.
#pragma once

#include <Python.h>

namespace data_bridge::bridge {

struct AsgiNames {
  PyObject* type = PyUnicode_InternFromString("type");
  PyObject* http = PyUnicode_InternFromString("http");
  PyObject* asgi = PyUnicode_InternFromString("asgi");
  PyObject* version = PyUnicode_InternFromString("version");
  PyObject* asgi_version = PyUnicode_InternFromString("3.0");
  PyObject* spec_version = PyUnicode_InternFromString("spec_version");
  PyObject* spec = PyUnicode_InternFromString("2.3");
  PyObject* http_version = PyUnicode_InternFromString("http_version");
  PyObject* http11 = PyUnicode_InternFromString("1.1");
  PyObject* http10 = PyUnicode_InternFromString("1.0");
  PyObject* server = PyUnicode_InternFromString("server");
  PyObject* client = PyUnicode_InternFromString("client");
  PyObject* scheme = PyUnicode_InternFromString("scheme");
  PyObject* root_path = PyUnicode_InternFromString("root_path");
  PyObject* headers = PyUnicode_InternFromString("headers");
  PyObject* state = PyUnicode_InternFromString("state");
  PyObject* method = PyUnicode_InternFromString("method");
  PyObject* path = PyUnicode_InternFromString("path");
  PyObject* raw_path = PyUnicode_InternFromString("raw_path");
  PyObject* query_string = PyUnicode_InternFromString("query_string");
  PyObject* body = PyUnicode_InternFromString("body");
  PyObject* more_body = PyUnicode_InternFromString("more_body");
  PyObject* status = PyUnicode_InternFromString("status");
  PyObject* http_request = PyUnicode_InternFromString("http.request");
  PyObject* http_disconnect = PyUnicode_InternFromString("http.disconnect");
  PyObject* http_response_start = PyUnicode_InternFromString("http.response.start");
  PyObject* http_response_pathsend = PyUnicode_InternFromString("http.response.pathsend");
  PyObject* http_response_trailers = PyUnicode_InternFromString("http.response.trailers");
  PyObject* trailers = PyUnicode_InternFromString("trailers");
  PyObject* more_trailers = PyUnicode_InternFromString("more_trailers");
  PyObject* parts = PyUnicode_InternFromString("data_bridge.parts");
  PyObject* after = PyUnicode_InternFromString("data_bridge.after");
  PyObject* http_response_body = PyUnicode_InternFromString("http.response.body");
  PyObject* websocket = PyUnicode_InternFromString("websocket");
  PyObject* ws = PyUnicode_InternFromString("ws");
  PyObject* websocket_spec = PyUnicode_InternFromString("2.4");
  PyObject* subprotocols = PyUnicode_InternFromString("subprotocols");
  PyObject* subprotocol = PyUnicode_InternFromString("subprotocol");
  PyObject* extensions = PyUnicode_InternFromString("extensions");
  PyObject* websocket_http_response = PyUnicode_InternFromString("websocket.http.response");
  PyObject* websocket_connect = PyUnicode_InternFromString("websocket.connect");
  PyObject* websocket_receive = PyUnicode_InternFromString("websocket.receive");
  PyObject* websocket_disconnect = PyUnicode_InternFromString("websocket.disconnect");
  PyObject* telemetry = PyUnicode_InternFromString("fastapi.telemetry");
  PyObject* text = PyUnicode_InternFromString("text");
  PyObject* bytes = PyUnicode_InternFromString("bytes");
  PyObject* code = PyUnicode_InternFromString("code");
  PyObject* reason = PyUnicode_InternFromString("reason");
};

/// With the GIL.
inline const AsgiNames& asgi_names() {
  static const AsgiNames instance;
  return instance;
}

}  // namespace data_bridge::bridge
