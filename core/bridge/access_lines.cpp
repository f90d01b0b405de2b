// Lines of the log that Python writes.
#include "bridge/access_lines.hpp"

#include "bridge/asgi/scope.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

bool call(PyObject* hook, PyObject* scope, int status) {
  const PyRef number = PyRef::steal(PyLong_FromLong(status));
  return number && PyRef::steal(PyObject_CallFunctionObjArgs(hook, scope, number.get(), nullptr));
}

}  // namespace

bool writes_access(const AppContext& app, const LoopConversation& conversation) noexcept {
  if (app.access_by_python.load(std::memory_order_relaxed)) return true;
  return app.trusts_proxies && app.access_on.load(std::memory_order_relaxed) &&
         conversation.request().head().header("x-forwarded-for").has_value();
}

bool log_access(AppContext& app, LoopConversation& conversation, PyObject* scope, int status) {
  if (!writes_access(app, conversation)) return true;
  PyObject* const hook = app.hooks.log_access.get();
  if (hook == nullptr) return true;  // the server is over
  conversation.note_reported();
  PyRef own;
  if (scope == nullptr) {
    own = make_http_scope(app, conversation);
    if (!own) return false;
    scope = own.get();
  }
  return call(hook, scope, status);
}

void log_access_anyway(AppContext& app, LoopConversation& conversation, PyObject* scope, int status) noexcept {
  if (!log_access(app, conversation, scope, status)) PyErr_WriteUnraisable(app.hooks.log_access.get());
}

bool log_websocket(AppContext& app, PyObject* scope, int status) {
  PyObject* const hook = app.hooks.log_websocket.get();
  return hook == nullptr || call(hook, scope, status);
}

void log_websocket_failure(AppContext& app, int status) noexcept {
  PyObject* const hook = app.hooks.log_websocket.get();
  if (hook != nullptr && !call(hook, Py_None, status)) PyErr_WriteUnraisable(hook);
}

}  // namespace data_bridge::bridge
