// The `receive` and `send` of one HTTP request (ASGI 3), as native callables.
#pragma once

#include <Python.h>

#include <cstdint>
#include <memory>

#include "bridge/app_context.hpp"
#include "bridge/body_inbox.hpp"
#include "bridge/incoming.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// The state of one request and its answer as an ASGI server keeps it (uvicorn's RequestResponseCycle,
/// whose checks and messages this repeats). A Python object, because `receive` and `send`
/// may outlive the request.
class AsgiCycle;

/// Makes the types; false with a Python exception set on failure. Once per process.
bool ready_asgi_types();

/// A cycle that answers `incoming` and reads its body from `inbox`. Empty with an exception set on failure.
pyloop::PyRef make_asgi_cycle(std::shared_ptr<AppContext> app, const Incoming& incoming,
                              std::shared_ptr<BodyInbox> inbox);

/// New references to the two callables.
pyloop::PyRef cycle_receive(PyObject* cycle);
pyloop::PyRef cycle_send(PyObject* cycle);

[[nodiscard]] bool cycle_started(PyObject* cycle) noexcept;
[[nodiscard]] bool cycle_complete(PyObject* cycle) noexcept;
[[nodiscard]] bool cycle_disconnected(PyObject* cycle) noexcept;
/// Sends uvicorn's plain-text 500, for an application that failed before it answered.
void cycle_send_500(PyObject* cycle);
/// Closes the connection: the answer cannot be completed, or the application has failed behind it.
void cycle_close(PyObject* cycle);
/// The call has ended: nothing more will be sent.
void cycle_end(PyObject* cycle);

}  // namespace data_bridge::bridge
