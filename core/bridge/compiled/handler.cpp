// Runs a program for a Request that is there already.
#include "bridge/compiled/handler.hpp"

#include <utility>

#include "bridge/compiled/door.hpp"
#include "bridge/compiled/endpoint.hpp"
#include "bridge/compiled/frame.hpp"
#include "bridge/compiled/scope_head.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

class HandlerDoor final : public Door {
 public:
  HandlerDoor(std::shared_ptr<const RoutePlan> plan, PyObject* request)
      : plan_(std::move(plan)), request_(PyRef::borrow(request)) {}

  /// False where the framework is to see to it itself; an exception may be set.
  bool read() {
    scope_ = PyRef::steal(PyObject_GetAttrString(request_.get(), "scope"));
    if (!scope_ || !PyDict_CheckExact(scope_.get())) return false;
    params_ = PyRef::borrow(PyDict_GetItemString(scope_.get(), "path_params"));
    if (!params_ || !PyDict_CheckExact(params_.get())) return false;
    for (const PyRef& name : plan_->scope.path_names) {
      if (PyDict_Contains(params_.get(), name.get()) != 1) return false;
    }
    return !plan_->reads_head || head_.read(scope_.get());
  }

  const http::Request& head() override { return head_.request(); }
  std::span<const std::string> path_values() override { return {}; }
  PyObject* path_params() override { return params_.get(); }
  PyObject* given_request() override { return request_.get(); }
  [[nodiscard]] bool returns_response() const noexcept override { return true; }
  PyObject* scope() override { return scope_.get(); }
  PyObject* receive() override { return nullptr; }
  PyObject* send() override { return nullptr; }
  [[nodiscard]] bool scope_is_seen() const noexcept override { return true; }
  PyRef hand_over() override { return {}; }
  const std::string_view* body() override { return nullptr; }
  Piece next_piece(std::string_view& /*piece*/, PyRef& /*next*/) override { return Piece::kDisconnect; }
  Piece received_piece(PyObject* /*value*/, std::string_view& /*piece*/) override { return Piece::kDisconnect; }
  Answer answer(PyObject* /*status*/, PyObject* /*headers*/, PyObject* /*body*/, PyRef& /*next*/) override {
    return Answer::kNotHere;
  }
  Answer answer_json(long /*status*/, std::string_view /*body*/, PyObject* /*headers*/, PyRef& /*next*/) override {
    return Answer::kNotHere;
  }
  Answer next_message(PyRef& /*next*/) override { return Answer::kDone; }
  [[nodiscard]] bool started() const noexcept override { return false; }
  [[nodiscard]] Around around() const noexcept override { return Around::kEverything; }

  int traverse(visitproc visit, void* arg) const override {
    Py_VISIT(request_.get());
    Py_VISIT(scope_.get());
    Py_VISIT(params_.get());
    return 0;
  }

 private:
  std::shared_ptr<const RoutePlan> plan_;
  PyRef request_;
  PyRef scope_;
  PyRef params_;
  ScopeHead head_;
};

bool is_true(PyObject* function, PyObject* argument) {
  const PyRef answer = PyRef::steal(PyObject_CallOneArg(function, argument));
  return answer.get() == Py_True;
}

}  // namespace

CompiledHandler::CompiledHandler(RoutePlan plan, PyObject* original)
    : plan_(std::make_shared<const RoutePlan>(std::move(plan))), original_(PyRef::borrow(original)) {}

PyRef CompiledHandler::call(PyObject* request) {
  auto door = std::make_unique<HandlerDoor>(plan_, request);
  PyObject* const type = reinterpret_cast<PyObject*>(Py_TYPE(request));
  const bool usual = type == plan_->scope.request_class.get() || is_true(plan_->scope.reads_as_usual.get(), type);
  if (usual && !has_overrides(*plan_) && door->read()) return make_frame(std::move(door), *plan_);
  PyErr_Clear();
  return PyRef::steal(PyObject_CallOneArg(original_.get(), request));
}

int CompiledHandler::traverse(visitproc visit, void* arg) const {
  Py_VISIT(original_.get());
  return 0;
}

}  // namespace data_bridge::bridge
