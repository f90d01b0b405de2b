// Runs a route's program up to its endpoint: what fastapi.dependencies.utils.solve_dependencies() does, in its order.
#include "bridge/compiled/execution.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "bridge/asgi/names.hpp"
#include "middleware/session_cookie.hpp"
#include "pyloop/generator.hpp"
#include "pyloop/py_error.hpp"
#include "pyloop/thread_pool.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

/// Keys of the scope, and attributes of Starlette's objects.
struct Names {
  PyObject* router = PyUnicode_InternFromString("router");
  PyObject* endpoint = PyUnicode_InternFromString("endpoint");
  PyObject* path_params = PyUnicode_InternFromString("path_params");
  PyObject* route = PyUnicode_InternFromString("route");
  PyObject* fastapi = PyUnicode_InternFromString("fastapi");
  PyObject* body = PyUnicode_InternFromString("_body");
  PyObject* json = PyUnicode_InternFromString("_json");
  PyObject* headers = PyUnicode_InternFromString("headers");
  PyObject* headers_made = PyUnicode_InternFromString("_headers");
};

const Names& names() {
  static const Names instance;
  return instance;
}

bool set(PyObject* dict, PyObject* key, PyObject* value) noexcept {
  return value != nullptr && PyDict_SetItem(dict, key, value) == 0;
}

}  // namespace

Execution::Execution(Door& door, const RoutePlan& plan)
    : door_(door), plan_(plan), inputs_(plan, door), slots_(plan.slots), caches_(plan.caches), failed_(plan.nodes) {}

Execution::Next Execution::start() {
  const bool has_session = door_.around() == Door::Around::kNothing && plan_.session.known &&
                           middleware::may_have_cookie(door_.head(), plan_.session.cookie);
  if (!inputs_.convert_path() || (has_session && !complete_scope())) {
    PyErr_Clear();  // FastAPI's own code fails in the same way, where its layers expect it
    return await(door_.hand_over(), Stage::kFinish);
  }
  if (door_.given_request() != nullptr) return take_given_scope() ? read_given_body() : Next::kError;
  if (door_.scope_is_seen() && !complete_scope()) return Next::kError;
  return plan_.reads_body ? read_body() : run_steps();
}

Execution::Next Execution::advance(bool returned, PyRef value) {
  switch (stage_) {
    case Stage::kBody:
      return returned ? on_message(value.get()) : on_unreadable_body();
    case Stage::kGivenBody:
      if (!returned) return on_exception();
      inputs_.take_body(std::move(value));
      return run_steps();
    case Stage::kForm:
      if (!returned) return on_exception();
      inputs_.take_body(std::move(value));
      closes_files_ = true;  // FastAPI's own code has seen to that, whether there are any or not
      ++step_;
      return run_steps();
    case Stage::kFormPiece:
      return returned ? on_form_piece(value.get()) : on_unreadable_body();
    case Stage::kFormWrite:
      if (!returned) return on_unreadable_body();
      return form_ended_ ? form_is_read() : read_form();
    case Stage::kSteps: {
      if (!returned) return on_raised_step();
      if (!take(plan_.steps[step_], std::move(value))) return on_exception();
      ++step_;
      return run_steps();
    }
    case Stage::kEndpoint:
      return returned ? on_result(value.get()) : on_exception();
    case Stage::kValidate: {
      const PyRef content = std::move(content_);
      if (returned) return serialize(value.get());
      return on_invalid(content.get());
    }
    case Stage::kSend: {
      if (!returned) return on_exception();
      PyRef next;
      const Door::Answer answer = door_.next_message(next);
      return answered(answer, std::move(next));
    }
    case Stage::kOnlyExit:
      return on_only_exit(returned);
    case Stage::kExit:
      return returned ? Next::kAnswered : on_exception();
    case Stage::kFinish:
      break;
  }
  return returned ? Next::kAnswered : Next::kError;
}

void Execution::end() noexcept {
  current_.reset();
  content_.reset();
  errors_.reset();
  slots_.clear();
  caches_.clear();
  request_stack_.reset();
  function_stack_.reset();
  session_.reset();
  generator_.reset();
  last_exit_ = {};
  inputs_.clear();
  form_.reset();
}

int Execution::traverse(visitproc visit, void* arg) const {
  for (const PyRef& value : slots_) Py_VISIT(value.get());
  for (const PyRef& value : caches_) Py_VISIT(value.get());
  Py_VISIT(current_.get());
  Py_VISIT(content_.get());
  Py_VISIT(errors_.get());
  Py_VISIT(request_stack_.get());
  Py_VISIT(function_stack_.get());
  Py_VISIT(session_.get());
  Py_VISIT(generator_.get());
  Py_VISIT(last_exit_.entry.get());
  Py_VISIT(last_exit_.generator.get());
  if (form_) {
    if (const int stop = form_->traverse(visit, arg); stop != 0) return stop;
  }
  return inputs_.traverse(visit, arg);
}

Execution::Next Execution::await(PyRef awaitable, Stage stage) {
  stage_ = stage;
  current_ = pyloop::await_iterator(std::move(awaitable));
  return current_ ? Next::kAwait : stage == Stage::kFinish ? Next::kError : on_exception();
}

// --- the scope -------------------------------------------------------------------------------------

PyObject* Execution::stack(PyRef& stack) const {
  if (!stack) stack = PyRef::steal(PyObject_CallNoArgs(plan_.scope.make_stack.get()));
  return stack.get();
}

/// What the application and its layers add to a scope, where they are gone around.
bool Execution::begin_scope(PyObject* scope) {
  if (door_.around() == Door::Around::kEverything) return true;
  const PyRef& begin = door_.around() == Door::Around::kNothing ? plan_.scope.begin : plan_.scope.begin_inside;
  PyRef session = PyRef::steal(PyObject_CallOneArg(begin.get(), scope));
  if (!session) return false;
  if (session.get() != Py_None) session_ = std::move(session);
  return true;
}

/// What FastAPI's and Starlette's routing adds to a scope, in their order.
bool Execution::complete_scope() {
  if (std::exchange(scope_is_complete_, true)) return true;
  const ScopePlan& plan = plan_.scope;
  PyObject* const scope = door_.scope();
  if (scope == nullptr || !begin_scope(scope)) return false;
  if (plan.router && PyDict_SetDefault(scope, names().router, plan.router.get()) == nullptr) return false;
  PyObject* const before = PyDict_GetItemWithError(scope, names().path_params);
  if (before == nullptr && PyErr_Occurred() != nullptr) return false;
  const PyRef path_params = inputs_.path_params(before);
  if (!set(scope, names().endpoint, plan.endpoint.get()) || !set(scope, names().path_params, path_params.get()) ||
      (plan.route && !set(scope, names().route, plan.route.get()))) {
    return false;
  }
  if (plan.fastapi) {
    PyObject* const existing = PyDict_GetItemWithError(scope, names().fastapi);
    if (existing != nullptr && PyDict_Check(existing)) {
      if (PyDict_Update(existing, plan.fastapi.get()) != 0) return false;
    } else {
      const PyRef copy = PyRef::steal(PyDict_Copy(plan.fastapi.get()));
      if (PyErr_Occurred() != nullptr || !set(scope, names().fastapi, copy.get())) return false;
    }
  }
  if (!plan.make_stack) return true;
  if (stack(request_stack_) == nullptr ||
      (plan.request_stack_key && !set(scope, plan.request_stack_key.get(), request_stack_.get()))) {
    return false;
  }
  if (plan.function_stack_key && !set(scope, plan.function_stack_key.get(), stack(function_stack_))) return false;
  return !has_generators_ || show_cleanup();
}

/// The scope is complete, and the stacks are somebody's who will exit them.
bool Execution::take_given_scope() {
  scope_is_complete_ = true;
  slots_[kRequestSlot] = PyRef::borrow(door_.given_request());
  PyObject* const scope = door_.scope();
  if (scope == nullptr) return false;
  const auto given = [scope](const PyRef& key) {
    return PyRef::borrow(key ? PyDict_GetItemWithError(scope, key.get()) : nullptr);
  };
  request_stack_ = given(plan_.scope.request_stack_key);
  function_stack_ = given(plan_.scope.function_stack_key);
  return PyErr_Occurred() == nullptr && PyRef::steal(PyObject_GetAttr(door_.given_request(), names().headers));
}

/// FastAPI looks at `request.headers` before it runs anybody's code: who puts another list into the scope later changes
/// nothing there. As Starlette, which makes a list of its own.
bool Execution::keep_headers(PyObject* request) const {
  if (!plan_.scope.make_headers) return true;
  PyObject* const fields = PyDict_GetItemWithError(door_.scope(), names().headers);
  const PyRef list = PyRef::steal(fields != nullptr ? PySequence_List(fields) : nullptr);
  if (!set(door_.scope(), names().headers, list.get())) return false;
  const PyRef headers = PyRef::steal(PyObject_CallOneArg(plan_.scope.make_headers.get(), list.get()));
  return headers && PyObject_SetAttr(request, names().headers_made, headers.get()) == 0;
}

PyObject* Execution::request() {
  PyRef& made = slots_[kRequestSlot];
  if (made) return made.get();
  if (!complete_scope()) return nullptr;
  std::array<PyObject*, 3> arguments{door_.scope(), door_.receive(), door_.send()};
  if (arguments[1] == nullptr || arguments[2] == nullptr) return nullptr;
  PyRef request =
      PyRef::steal(PyObject_Vectorcall(plan_.scope.make_request.get(), arguments.data(), arguments.size(), nullptr));
  if (!request || !keep_headers(request.get())) return nullptr;
  // As if it had read the body itself.
  PyObject* const bytes = inputs_.body_bytes();
  if (bytes != nullptr && PyObject_SetAttr(request.get(), names().body, bytes) != 0) return nullptr;
  if (inputs_.is_document() && PyObject_SetAttr(request.get(), names().json, inputs_.body()) != 0) return nullptr;
  if (!give_form(request.get())) return nullptr;
  made = std::move(request);
  return made.get();
}

PyObject* Execution::slot(std::size_t index) {
  PyRef& place = slots_[index];
  if (place) return place.get();
  switch (index) {
    case kRequestSlot:
      return request();
    case kResponseSlot:
      place = PyRef::steal(PyObject_CallNoArgs(plan_.scope.make_response.get()));
      return place.get();
    case kTasksSlot:
      place = PyRef::steal(PyObject_CallNoArgs(plan_.scope.make_tasks.get()));
      return place.get();
    default:
      return Py_None;  // FastAPI passes what it has; an argument without a value fails before
  }
}

// --- dependencies ----------------------------------------------------------------------------------

Execution::Next Execution::run_steps() {
  while (step_ < plan_.steps.size()) {
    if (plan_.steps[step_].op == Op::kForm) return begin_form();
    switch (perform(plan_.steps[step_])) {
      case Done::kYes:
        ++step_;
        break;
      case Done::kAwait:
        stage_ = Stage::kSteps;
        return Next::kAwait;
      case Done::kRaised:
        return on_exception();
    }
  }
  return call_endpoint();
}

Execution::Done Execution::perform(const Step& step) {
  switch (step.op) {
    case Op::kParameter:
      return extract(step.parameter, step.node, step.slot) ? Done::kYes : Done::kRaised;
    case Op::kLocation:
      return read_location(step);
    case Op::kBody:
      return begin_body_fields(step);
    case Op::kForm:  // run_steps() sees to it
      return Done::kYes;
    case Op::kMake:
      slots_[step.slot] = PyRef::steal(PyObject_CallNoArgs(step.function.get()));
      return slots_[step.slot] ? Done::kYes : Done::kRaised;
    case Op::kReuse:
      if (caches_[step.cache]) {
        if (step.slot != kNowhere) slots_[step.slot] = PyRef::borrow(caches_[step.cache].get());
        step_ = step.jump - 1;
      }
      return Done::kYes;
    case Op::kCall:
    case Op::kThread:
    case Op::kEnter:
    case Op::kStream:
    case Op::kApplication:
      return begin_call(step);
  }
  return Done::kYes;
}

bool Execution::add_errors(std::size_t node, PyObject* list) {
  failed_[node] = true;
  if (!errors_) errors_ = PyRef::steal(PyList_New(0));
  if (!errors_) return false;
  const Py_ssize_t end = PyList_GET_SIZE(errors_.get());
  return PyList_SetSlice(errors_.get(), end, end, list) == 0;
}

/// False with an exception set.
bool Execution::extract(const ParameterPlan& parameter, std::size_t node, std::size_t slot) {
  PyRef value;
  switch (inputs_.extract(parameter, value)) {
    case Inputs::Result::kValue:
      slots_[slot] = std::move(value);
      return true;
    case Inputs::Result::kInvalid:
      return add_errors(node, value.get());
    case Inputs::Result::kRaised:
      break;
  }
  return false;
}

/// `result`: (dict of values by name, list of errors).
bool Execution::take_outputs(const Step& step, PyObject* result) {
  PyObject* values = nullptr;
  PyObject* errors = nullptr;
  if (!PyArg_ParseTuple(result, "O!O!", &PyDict_Type, &values, &PyList_Type, &errors)) return false;
  if (PyList_GET_SIZE(errors) != 0) return add_errors(step.node, errors);
  for (const auto& [name, slot] : step.outputs) {
    PyObject* const value = PyDict_GetItemWithError(values, name.get());
    if (value == nullptr) {
      if (PyErr_Occurred() == nullptr) PyErr_SetObject(PyExc_KeyError, name.get());
      return false;
    }
    slots_[slot] = PyRef::borrow(value);
  }
  return true;
}

Execution::Done Execution::read_location(const Step& step) {
  PyObject* const from = request();
  const PyRef result = PyRef::steal(from != nullptr ? PyObject_CallOneArg(step.function.get(), from) : nullptr);
  return result && take_outputs(step, result.get()) ? Done::kYes : Done::kRaised;
}

Execution::Done Execution::begin_call(const Step& step) {
  if (failed_[step.node]) {  // an argument of its own, or a dependency's
    failed_[step.parent] = true;
    return Done::kYes;
  }
  if (step.use_cache && caches_[step.cache]) {
    if (step.slot != kNowhere) slots_[step.slot] = PyRef::borrow(caches_[step.cache].get());
    return Done::kYes;
  }
  // Who was given a Request may have changed what is in it.
  if (step.credential && !slots_[kRequestSlot]) {
    if (PyRef value = inputs_.credential(*step.credential)) {
      solved(step, std::move(value));
      return Done::kYes;
    }
    if (PyErr_Occurred() != nullptr) return Done::kRaised;
  }
  current_ = pyloop::await_iterator(step.op != Op::kEnter    ? call(step)
                                    : begins_generator(step) ? begin_generator(step)
                                                             : enter(step));
  return current_ ? Done::kAwait : Done::kRaised;
}

/// What was awaited for `step`.
bool Execution::take(const Step& step, PyRef value) {
  if (step.op == Op::kBody) return take_outputs(step, value.get());
  if (generator_ && !keep_exit(step)) return false;
  solved(step, std::move(value));
  return true;
}

void Execution::solved(const Step& step, PyRef value) {
  if (step.cache != kNowhere && !caches_[step.cache]) caches_[step.cache] = PyRef::borrow(value.get());
  if (step.slot != kNowhere) slots_[step.slot] = std::move(value);
}

PyRef Execution::call(const Step& step) {
  const bool threaded = step.op == Op::kThread;
  std::vector<PyObject*> values;
  values.reserve(step.arguments.size() + 1);
  if (threaded) values.push_back(step.function.get());
  for (const std::size_t argument : step.arguments) {
    values.push_back(slot(argument));
    if (values.back() == nullptr) return {};
  }
  PyObject* const function =
      threaded ? plan_.run_in_thread.get() : (step.generator ? step.generator : step.function).get();
  const auto keywords = static_cast<std::size_t>(PyTuple_GET_SIZE(step.names.get()));
  return PyRef::steal(PyObject_Vectorcall(function, values.data(), values.size() - keywords,
                                          keywords != 0 ? step.names.get() : nullptr));
}

PyRef Execution::named_arguments(const Step& step) {
  PyRef values = PyRef::steal(PyDict_New());
  for (std::size_t i = 0; i < step.arguments.size(); ++i) {
    PyObject* const value = values ? slot(step.arguments[i]) : nullptr;
    if (value == nullptr ||
        PyDict_SetItem(values.get(), PyTuple_GET_ITEM(step.names.get(), static_cast<Py_ssize_t>(i)), value) != 0) {
      return {};
    }
  }
  return values;
}

PyRef Execution::stream(const Step& step) {
  const PyRef values = named_arguments(step);
  PyObject* const from = values ? request() : nullptr;
  PyObject* const response = from != nullptr ? slot(kResponseSlot) : nullptr;
  if (response == nullptr) return {};
  PyObject* const tasks = slots_[kTasksSlot] ? slots_[kTasksSlot].get() : Py_None;
  std::array<PyObject*, 4> arguments{from, values.get(), response, tasks};
  return PyRef::steal(PyObject_Vectorcall(step.function.get(), arguments.data(), arguments.size(), nullptr));
}

// --- async generators ------------------------------------------------------------------------------

/// Whether a generator is entered here, or by FastAPI's own function: as it was with the first one of this request.
bool Execution::begins_generator(const Step& step) {
  if (!step.generator) return false;
  if (!enters_generators_) enters_generators_ = !plan_.generators_outside_scopes || !pyloop::within_cancel_scope();
  return *enters_generators_;
}

PyRef Execution::begin_generator(const Step& step) {
  has_generators_ = true;
  if (scope_is_complete_ && !show_cleanup()) return {};
  PyRef generator = call(step);
  if (!generator) return {};
  const PyAsyncMethods* const methods = Py_TYPE(generator.get())->tp_as_async;
  if (methods == nullptr || methods->am_anext == nullptr) {
    PyErr_Format(PyExc_TypeError, "'%.200s' object is not an async iterator", Py_TYPE(generator.get())->tp_name);
    return {};
  }
  generator_ = std::move(generator);
  return PyRef::steal(methods->am_anext(generator_.get()));
}

/// An exception is set. Of a generator that has ended, contextlib says something else.
Execution::Next Execution::on_raised_step() {
  if (std::exchange(generator_, {}) && PyErr_ExceptionMatches(PyExc_StopAsyncIteration) != 0) {
    const PyRef ended = pyloop::take_exception();
    PyErr_SetString(PyExc_RuntimeError, "generator didn't yield");
    PyRef raised = pyloop::take_exception();
    PyException_SetContext(raised.get(), PyRef::borrow(ended.get()).release());
    PyException_SetCause(raised.get(), nullptr);  // "from None"
    pyloop::raise_exception(std::move(raised));
  }
  return on_exception();
}

/// The generator has yielded: as AsyncExitStack.push_async_exit().
bool Execution::keep_exit(const Step& step) {
  static PyObject* const callbacks_name = PyUnicode_InternFromString("_exit_callbacks");
  static PyObject* const append = PyUnicode_InternFromString("append");
  PyRef generator = std::move(generator_);
  const bool of_function = step.function_scope && plan_.scope.function_stack_key;
  PyObject* const on = stack(of_function ? function_stack_ : request_stack_);
  const PyRef callbacks = PyRef::steal(on != nullptr ? PyObject_GetAttr(on, callbacks_name) : nullptr);
  const PyRef manager =
      PyRef::steal(callbacks ? PyObject_CallOneArg(plan_.exit_manager.get(), generator.get()) : nullptr);
  const PyRef exit = PyRef::steal(manager ? PyMethod_New(plan_.exit_function.get(), manager.get()) : nullptr);
  PyRef entry = PyRef::steal(exit ? PyTuple_Pack(2, Py_False, exit.get()) : nullptr);
  if (!entry || !PyRef::steal(PyObject_CallMethodOneArg(callbacks.get(), append, entry.get()))) return false;
  if (!of_function) last_exit_ = {.entry = std::move(entry), .generator = std::move(generator)};
  return true;
}

/// The generator whose exit is the only one on the request's stack, which it is taken from; empty: there are others.
PyRef Execution::take_only_exit() {
  static PyObject* const callbacks_name = PyUnicode_InternFromString("_exit_callbacks");
  static PyObject* const pop = PyUnicode_InternFromString("pop");
  if (!last_exit_.entry || (plan_.generators_outside_scopes && pyloop::within_cancel_scope())) return {};
  const PyRef callbacks = PyRef::steal(PyObject_GetAttr(request_stack_.get(), callbacks_name));
  if (!callbacks || PyObject_Size(callbacks.get()) != 1) return {};
  const PyRef entry = PyRef::steal(PySequence_GetItem(callbacks.get(), 0));
  if (entry.get() != last_exit_.entry.get()) return {};
  if (!PyRef::steal(PyObject_CallMethodNoArgs(callbacks.get(), pop))) return {};
  last_exit_.entry.reset();
  return std::move(last_exit_.generator);
}

/// Where FastAPI keeps its cancel scopes, of which there are none.
bool Execution::show_cleanup() {
  PyObject* const key = plan_.scope.cleanup_key.get();
  if (key == nullptr) return true;
  const PyRef scopes = PyRef::steal(PyDict_New());
  return scopes && PyDict_SetDefault(door_.scope(), key, scopes.get()) != nullptr;
}

PyRef Execution::enter(const Step& step) {
  const PyRef values = named_arguments(step);
  PyObject* const from = values ? request() : nullptr;
  if (from == nullptr) return {};
  PyObject* const stack = (step.function_scope && function_stack_ ? function_stack_ : request_stack_).get();
  std::array<PyObject*, 3> arguments{stack, values.get(), from};
  return PyRef::steal(PyObject_Vectorcall(step.function.get(), arguments.data(), arguments.size(), nullptr));
}

}  // namespace data_bridge::bridge
