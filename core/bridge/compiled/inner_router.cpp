// Finds the route of a scope and runs its program within the application's middleware.
#include "bridge/compiled/inner_router.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bridge/asgi/callables.hpp"
#include "bridge/asgi/message.hpp"
#include "bridge/asgi/names.hpp"
#include "bridge/compiled/door.hpp"
#include "bridge/compiled/endpoint.hpp"
#include "bridge/compiled/frame.hpp"
#include "bridge/compiled/scope_head.hpp"
#include "bridge/text.hpp"
#include "pyloop/shared_object.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

/// The UTF-8 of scope[key], where that is a str that has one.
bool text_of(PyObject* scope, PyObject* key, std::string_view& out) {
  PyObject* const value = PyDict_GetItemWithError(scope, key);
  if (value == nullptr || !PyUnicode_CheckExact(value)) return false;
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(value, &size);
  if (data == nullptr) return false;
  out = {data, static_cast<std::size_t>(size)};
  return true;
}

/// Whether FastAPI's own telemetry watches this request (0.142): it wants to be told of each step.
bool has_telemetry(PyObject* scope) {
  PyObject* const telemetry = PyDict_GetItemWithError(scope, asgi_names().telemetry);
  return telemetry != nullptr ? telemetry != Py_None : PyErr_Occurred() != nullptr;
}

/// The request and the answer of ASGI's three arguments.
class AsgiDoor final : public Door {
 public:
  AsgiDoor(std::shared_ptr<RouteEndpoint> endpoint, PyObject* original, PyObject* scope, PyObject* receive,
           PyObject* send, std::span<const std::string_view> path_values, Around around)
      : around_(around),
        endpoint_(std::move(endpoint)),
        original_(PyRef::borrow(original)),
        scope_(PyRef::borrow(scope)),
        receive_(PyRef::borrow(receive)),
        send_(PyRef::borrow(send)),
        path_values_(path_values.begin(), path_values.end()) {}

  bool read_head() { return head_.read(scope_.get()); }

  const http::Request& head() override { return head_.request(); }
  std::span<const std::string> path_values() override { return path_values_; }
  PyObject* scope() override { return scope_.get(); }
  PyObject* receive() override { return receive_.get(); }
  PyObject* send() override { return send_.get(); }
  [[nodiscard]] bool scope_is_seen() const noexcept override { return true; }
  PyRef hand_over() override { return call_application(original_.get(), scope_.get(), receive_.get(), send_.get()); }
  const std::string_view* body() override { return nullptr; }
  Piece next_piece(std::string_view& /*piece*/, PyRef& next) override {
    next = PyRef::steal(PyObject_CallNoArgs(receive_.get()));
    return next ? Piece::kAwait : Piece::kError;
  }
  Piece received_piece(PyObject* value, std::string_view& piece) override {
    RequestMessage message;
    if (!read_request_message(value, message)) return Piece::kError;
    if (message.disconnected) return Piece::kDisconnect;
    piece = {};
    piece_ = std::move(message.body);
    if (piece_ && !PyBytes_CheckExact(piece_.get())) piece_ = PyRef::steal(PyBytes_FromObject(piece_.get()));
    if (PyErr_Occurred() != nullptr) return Piece::kError;
    if (piece_) piece = bytes_view(piece_.get());
    return message.more_body ? Piece::kMore : Piece::kLast;
  }

  Answer answer(PyObject* status, PyObject* headers, PyObject* body, PyRef& next) override {
    const PyRef start = messages_.begin(status, headers, body);
    if (!start) return Answer::kError;
    started_ = true;
    return begin_send(start.get(), next);
  }

  Answer answer_json(long status, std::string_view body, PyObject* headers, PyRef& next) override {
    if (!has_plain_body(status)) return Answer::kNotHere;
    return answer_json_by_messages(status, body, headers, next);
  }

  Answer next_message(PyRef& next) override {
    const PyRef message = messages_.take_rest();
    return message ? begin_send(message.get(), next) : Answer::kDone;
  }
  [[nodiscard]] bool started() const noexcept override { return started_; }
  [[nodiscard]] Around around() const noexcept override { return around_; }

  int traverse(visitproc visit, void* arg) const override {
    Py_VISIT(original_.get());
    Py_VISIT(scope_.get());
    Py_VISIT(receive_.get());
    Py_VISIT(send_.get());
    return messages_.traverse(visit, arg);
  }

 private:
  Answer begin_send(PyObject* message, PyRef& next) {
    next = PyRef::steal(PyObject_CallOneArg(send_.get(), message));
    return next ? Answer::kAwait : Answer::kError;
  }

  const Around around_;
  std::shared_ptr<RouteEndpoint> endpoint_;  // keeps the plan
  PyRef original_;
  PyRef scope_;
  PyRef receive_;
  PyRef send_;
  std::vector<std::string> path_values_;
  ScopeHead head_;
  PyRef piece_;  // of the body
  AnswerMessages messages_;
  bool started_ = false;
};

}  // namespace

InnerRouter::InnerRouter(std::shared_ptr<AppContext> app, PyObject* original, PyObject* still_valid)
    : app_(std::move(app)),
      guard_(pyloop::share_across_threads(std::make_unique<PlanGuard>(still_valid), app_->mailbox)),
      original_(PyRef::borrow(original)) {}

PyRef InnerRouter::call(PyObject* scope, PyObject* receive, PyObject* send) {
  if (table_ != nullptr && PyDict_CheckExact(scope)) {
    PyRef coroutine = compiled(scope, receive, send, Door::Around::kEverything);
    if (coroutine) return coroutine;
    PyErr_Clear();
  }
  return call_application(original_.get(), scope, receive, send);
}

PyRef InnerRouter::from_middleware(PyObject* scope, PyObject* receive, PyObject* send) {
  if (table_ == nullptr || !layers_ || !PyDict_CheckExact(scope)) return {};
  PyRef coroutine = compiled(scope, receive, send, Door::Around::kMiddleware);
  if (!coroutine) PyErr_Clear();
  return coroutine;
}

void InnerRouter::set_layers(PyObject* original) noexcept {
  const PyRef before = std::exchange(layers_, original != Py_None ? PyRef::borrow(original) : PyRef());
}

/// Empty where the framework is to see to it itself.
PyRef InnerRouter::compiled(PyObject* scope, PyObject* receive, PyObject* send, Door::Around around) {
  const AsgiNames& name = asgi_names();
  std::string_view type;
  std::string_view method;
  std::string_view path;
  std::string_view root_path;
  if (!text_of(scope, name.type, type) || type != "http" || !text_of(scope, name.method, method) ||
      !text_of(scope, name.path, path)) {
    return {};
  }
  if (has_telemetry(scope)) return {};
  if (!text_of(scope, name.root_path, root_path) && PyDict_Contains(scope, name.root_path) != 0) return {};
  const std::shared_ptr<const routing::RouteTable> table = table_;  // a recompilation may replace it meanwhile
  const std::string_view own_path = routing::route_path(path, root_path);
  const routing::RouteTable::Found found = table->find(method, own_path);
  std::shared_ptr<RouteEndpoint> endpoint;
  if (found.full != routing::RouteTable::kNone) {
    endpoint = std::dynamic_pointer_cast<RouteEndpoint>(table->endpoint(found.full));
  }
  if (endpoint == nullptr) {
    (void)guard_->valid(*guard_->generation());  // a route that is new has to be compiled some time
    return {};
  }
  if (!endpoint->valid(std::nullopt) || has_overrides(endpoint->plan())) return {};
  std::vector<std::string_view> values(table->max_parameters());
  const std::size_t count = table->parameters(found.full, own_path, values);
  const RoutePlan& plan = endpoint->plan();
  const bool outside = around == Door::Around::kMiddleware;
  if (outside && (!plan.scope.begin_inside || plan.inside_only)) return {};
  auto door = std::make_unique<AsgiDoor>(std::move(endpoint), (outside ? layers_ : original_).get(), scope, receive,
                                         send, std::span(values).first(count), around);
  if (plan.reads_head && !door->read_head()) return {};
  PyRef frame = make_frame(std::move(door), plan);
  if (!frame) return {};
  app_->counters.inside.fetch_add(1, std::memory_order_relaxed);
  return frame;
}

void InnerRouter::close() noexcept {
  layers_.reset();
  table_.reset();
  guard_->retire();
}

int InnerRouter::traverse(visitproc visit, void* arg) const {
  Py_VISIT(original_.get());
  Py_VISIT(layers_.get());
  return 0;
}

}  // namespace data_bridge::bridge
