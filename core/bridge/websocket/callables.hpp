// The `receive` and `send` of one WebSocket connection (ASGI 3), as native callables.
#pragma once

#include <Python.h>

#include <memory>

#include "bridge/app_context.hpp"
#include "bridge/websocket/loop_conversation.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Makes the types; false with a Python exception set on failure. Once per process.
bool ready_websocket_types();

/// What `send` raises once the client has left: an OSError, which frameworks know. Borrowed.
PyObject* client_disconnected_type() noexcept;

/// An object whose methods are receive() and send(message), in the order and with the errors of uvicorn's
/// websockets_sansio_impl.py. A Python object, because the application may keep them for longer than the connection
/// lives. Empty with an exception set on failure.
pyloop::PyRef make_websocket_callables(std::shared_ptr<AppContext> app,
                                       std::shared_ptr<LoopWebSocketConversation> conversation);
/// The scope that the application is called with, for the log.
void set_websocket_scope(PyObject* callables, PyObject* scope);
/// New references.
pyloop::PyRef websocket_receive_of(PyObject* callables);
pyloop::PyRef websocket_send_of(PyObject* callables);

}  // namespace data_bridge::bridge
