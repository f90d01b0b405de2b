// The `receive` and `send` of one HTTP request (ASGI 3), as native callables.
#pragma once

#include <Python.h>

#include <memory>
#include <string>
#include <string_view>

#include "bridge/app_context.hpp"
#include "bridge/asgi/awaitable.hpp"
#include "bridge/loop_conversation.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Makes the types; false with a Python exception set on failure. Once per process.
bool ready_asgi_types();

/// An object whose methods are receive() and send(message): ASGI's messages in and out of `conversation`, in the order
/// and with the errors of uvicorn's RequestResponseCycle. A Python object, because the application may keep them for
/// longer than the request lives. Empty with an exception set on failure.
pyloop::PyRef make_asgi_callables(std::shared_ptr<AppContext> app, std::shared_ptr<LoopConversation> conversation);
/// A piece of the request's body without a message around it.
struct BodyPiece {
  std::string bytes;
  bool more_body = true;
  bool disconnected = false;
};
/// False: nothing has arrived. What was taken does not come as a message as well.
bool take_body_piece(LoopConversation& conversation, BodyPiece& out);
/// An awaitable that waits for the next piece, which take_awaited_piece() has then.
pyloop::PyRef await_body_piece(PyObject* callables);
void take_awaited_piece(PyObject* callables, BodyPiece& out);

/// What `await send(...)` does with a piece of the body that is not its last. `send`: of send_of().
Attempt send_piece(PyObject* send, std::string_view piece, pyloop::PyRef& result);

/// The scope that the application is called with, for the access log; kept until its answer begins.
void set_scope(PyObject* callables, PyObject* scope);

/// New references.
pyloop::PyRef receive_of(PyObject* callables);
pyloop::PyRef send_of(PyObject* callables);
/// An object that send_of() has made.
bool is_send(PyObject* object) noexcept;
/// Whether an answer was begun by it, even if that failed.
bool has_begun(PyObject* send) noexcept;

/// application(scope, receive, send): what it returns, or empty with an exception set; also where an argument is null.
pyloop::PyRef call_application(PyObject* application, PyObject* scope, PyObject* receive, PyObject* send);

}  // namespace data_bridge::bridge
