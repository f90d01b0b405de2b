// Lines of the log that Python writes: all of the access log where somebody has configured its loggers, else those of
// clients behind a proxy; and those of WebSockets.
#pragma once

#include <Python.h>

#include "bridge/app_context.hpp"
#include "bridge/loop_conversation.hpp"

namespace data_bridge::bridge {

/// Python writes the line of this request.
[[nodiscard]] bool writes_access(const AppContext& app, const LoopConversation& conversation) noexcept;

/// The answer of `conversation` begins: where Python writes the access log, its hook is called, in the context of
/// whoever answers, as under uvicorn. `scope`: the request's, or null. False with what the hook has raised.
[[nodiscard]] bool log_access(AppContext& app, LoopConversation& conversation, PyObject* scope, int status);

/// The same, of one that cannot tell anybody of an exception.
void log_access_anyway(AppContext& app, LoopConversation& conversation, PyObject* scope, int status) noexcept;

/// A handshake is answered: 101, or the status of its refusal. False with what the hook has raised.
[[nodiscard]] bool log_websocket(AppContext& app, PyObject* scope, int status);

/// A handshake is answered by the server, with `status`, in the place of an application that has failed.
void log_websocket_failure(AppContext& app, int status) noexcept;

}  // namespace data_bridge::bridge
