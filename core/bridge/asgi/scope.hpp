// The ASGI connection scope of a request.
#pragma once

#include <optional>
#include <string>

#include "bridge/app_context.hpp"
#include "bridge/conversation/conversation.hpp"
#include "bridge/conversation/websocket_conversation.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// A new `http` scope (ASGI HTTP & WebSocket specification 2.3), with the keys, types and order of
/// uvicorn's; empty with a Python exception set on failure. With the GIL.
pyloop::PyRef make_http_scope(const AppContext& app, const Conversation& conversation);

/// The value of "http.response.pathsend" in the extensions of all `http` scopes that have it; borrowed, null with a
/// Python exception set.
PyObject* pathsend_extension();

/// A new `websocket` scope (the same specification, 2.4), likewise.
pyloop::PyRef make_websocket_scope(const AppContext& app, const WebSocketConversation& conversation);

/// scope["scheme"] of an `http` scope; nothing with a Python exception set on failure. With the GIL.
std::optional<std::string> request_scheme(const AppContext& app, const Conversation& conversation);

}  // namespace data_bridge::bridge
