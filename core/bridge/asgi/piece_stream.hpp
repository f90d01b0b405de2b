// The pieces of a streamed answer, from an asynchronous iterator to the connection.
#pragma once

#include <Python.h>

#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Makes the type; false with a Python exception set on failure. Once per process.
bool ready_piece_stream_type();

/// A coroutine that is, of starlette.responses.StreamingResponse.stream_response,
///
///     async for chunk in response.body_iterator:
///         if not isinstance(chunk, (bytes, memoryview)):
///             chunk = chunk.encode(response.charset)
///         await send({"type": "http.response.body", "body": chunk, "more_body": True})
///
/// `send`: of send_of(). Empty with a Python exception set on failure.
pyloop::PyRef make_piece_stream(PyObject* response, PyObject* send);

}  // namespace data_bridge::bridge
