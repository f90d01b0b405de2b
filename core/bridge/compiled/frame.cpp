// Steps an endpoint and turns its result into an answer.
#include "bridge/compiled/frame.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <string>
#include <utility>

#include "bridge/asgi/callables.hpp"
#include "bridge/asgi/scope.hpp"
#include "bridge/compiled/plain_json.hpp"
#include "pyloop/generator.hpp"
#include "pyloop/py_error.hpp"
#include "text/characters.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

enum class Stage : std::uint8_t { kStart, kEndpoint, kValidate, kFinish, kDone };

struct Frame {
  PyObject_HEAD Run* run;
  const RoutePlan* plan;
  std::vector<PyRef> arguments;
  PyRef current;  // what is being awaited
  PyRef content;  // kValidate: what the endpoint returned
  Stage stage;
  bool running;  // a step, a throw() or a close() is on the stack
};

/// For one step; refuses where one is running, as a coroutine of Python's does.
class Running {
 public:
  explicit Running(Frame& self) noexcept : self_(self), entered_(!std::exchange(self.running, true)) {
    if (!entered_) PyErr_SetString(PyExc_ValueError, "coroutine already executing");
  }
  ~Running() {
    if (entered_) self_.running = false;
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  explicit operator bool() const noexcept { return entered_; }

 private:
  Frame& self_;
  bool entered_;
};

PyTypeObject* coroutine_type = nullptr;

Frame& self_of(PyObject* object) noexcept { return *reinterpret_cast<Frame*>(object); }

/// What `await object` would iterate; a coroutine is its own iterator for PyIter_Send.
PyRef await_iterator(PyRef object) {
  if (!object || PyCoro_CheckExact(object.get())) return object;
  const PyAsyncMethods* methods = Py_TYPE(object.get())->tp_as_async;
  if (methods == nullptr || methods->am_await == nullptr) {
    PyErr_Format(PyExc_TypeError, "object %.100s can't be used in 'await' expression", Py_TYPE(object.get())->tp_name);
    return {};
  }
  return PyRef::steal(methods->am_await(object.get()));
}

PyRef call_endpoint(Frame& self) {
  const RoutePlan& plan = *self.plan;
  std::vector<PyObject*> values;
  values.reserve(self.arguments.size() + 1);
  if (plan.threaded) values.push_back(plan.call.get());
  for (const PyRef& argument : self.arguments) values.push_back(argument.get());
  PyObject* function = plan.threaded ? plan.threaded.get() : plan.call.get();
  PyObject* names = PyTuple_GET_SIZE(plan.argument_names.get()) != 0 ? plan.argument_names.get() : nullptr;
  return await_iterator(PyRef::steal(PyObject_Vectorcall(function, values.data(), plan.threaded ? 1 : 0, names)));
}

std::string_view bytes_view(PyObject* bytes) noexcept {
  return {PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))};
}

PyRef attribute(PyObject* object, const char* name) { return PyRef::steal(PyObject_GetAttrString(object, name)); }

bool has_upper_case(std::string_view name) noexcept { return std::ranges::any_of(name, text::is_upper); }

/// True where `response` only carries status, header fields and bytes, and was answered so.
bool answer_simple(Frame& self, PyObject* response) {
  const int simple = PySet_Contains(self.plan->simple_classes.get(), reinterpret_cast<PyObject*>(Py_TYPE(response)));
  if (simple != 1) return false;
  PyRef background = attribute(response, "background");
  PyRef body = attribute(response, "body");
  PyRef status = attribute(response, "status_code");
  PyRef fields = attribute(response, "raw_headers");
  if (!background || !body || !status || !fields) return false;
  if (background.get() != Py_None || !PyBytes_CheckExact(body.get()) || !PyList_CheckExact(fields.get())) return false;
  const long code = PyLong_AsLong(status.get());
  if (code < 200 || code > 599 || code == 204 || code == 205 || code == 304) return false;
  std::vector<http::Header> headers;
  const Py_ssize_t count = PyList_GET_SIZE(fields.get());
  headers.reserve(static_cast<std::size_t>(count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* pair = PyList_GET_ITEM(fields.get(), i);
    if (!PyTuple_CheckExact(pair) || PyTuple_GET_SIZE(pair) != 2) return false;
    PyObject* name = PyTuple_GET_ITEM(pair, 0);
    PyObject* value = PyTuple_GET_ITEM(pair, 1);
    if (!PyBytes_CheckExact(name) || !PyBytes_CheckExact(value)) return false;
    const std::string_view name_view = bytes_view(name);
    // Names that are sent in lower case, and framing and connection fields set by hand, are for the general path.
    if (!http::valid_header(name_view, bytes_view(value)) || has_upper_case(name_view) || name_view == "connection" ||
        name_view == "transfer-encoding" ||
        (name_view == "content-length" && bytes_view(value) != std::to_string(PyBytes_GET_SIZE(body.get())))) {
      return false;
    }
    headers.push_back({name_view, bytes_view(value)});
  }
  self.run->conversation().respond(static_cast<int>(code), headers, bytes_view(body.get()));
  return true;
}

/// Begins plan.finish(scope, receive, send, outcome), which replays `outcome` inside FastAPI's layers.
bool begin_finish(Frame& self, PyObject* outcome) {
  self.stage = Stage::kFinish;
  self.current.reset();
  PyObject* const callables = self.run->callables();
  if (callables == nullptr) return false;
  PyRef scope = make_http_scope(self.run->app(), self.run->conversation());
  PyRef receive = receive_of(callables);
  PyRef send = send_of(callables);
  if (!scope || !receive || !send) return false;
  std::array<PyObject*, 4> arguments{scope.get(), receive.get(), send.get(), outcome};
  self.current = await_iterator(
      PyRef::steal(PyObject_Vectorcall(self.plan->finish.get(), arguments.data(), arguments.size(), nullptr)));
  return static_cast<bool>(self.current);
}

enum class Next : std::uint8_t { kAnswered, kContinue, kError };

/// FastAPI's layers catch Exception; whatever else flies (CancelledError, KeyboardInterrupt) passes them.
Next on_exception(Frame& self) {
  if (PyErr_ExceptionMatches(PyExc_Exception) == 0) return Next::kError;
  PyRef exception = pyloop::take_exception();
  return begin_finish(self, exception.get()) ? Next::kContinue : Next::kError;
}

Next on_response(Frame& self, PyObject* response) {
  if (answer_simple(self, response)) return Next::kAnswered;
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  return begin_finish(self, response) ? Next::kContinue : Next::kError;
}

Next render(Frame& self, PyObject* content) {
  PyRef response = PyRef::steal(PyObject_CallOneArg(self.plan->response.render.get(), content));
  return response ? on_response(self, response.get()) : on_exception(self);
}

/// The response field refused `content`: FastAPI's own code makes the exact error.
Next on_invalid(Frame& self, PyObject* content) {
  PyErr_Clear();
  PyRef error = PyRef::steal(PyObject_CallOneArg(self.plan->response.invalid.get(), content));
  if (!error) return on_exception(self);
  return begin_finish(self, error.get()) ? Next::kContinue : Next::kError;
}

Next serialize(Frame& self, PyObject* value) {
  const ResponsePlan& plan = self.plan->response;
  std::array<PyObject*, kMaxToJsonKeywords + 1> values{value};
  for (std::size_t i = 0; i < plan.to_json_values.size(); ++i) values[i + 1] = plan.to_json_values[i].get();
  PyRef body = PyRef::steal(PyObject_Vectorcall(plan.to_json.get(), values.data(), 1, plan.to_json_names.get()));
  if (!body) return on_exception(self);
  self.run->conversation().respond(plan.status, "application/json", bytes_view(body.get()));
  return Next::kAnswered;
}

/// A sync endpoint's result is validated in a worker thread, as serialize_response() does.
Next begin_validation(Frame& self, PyObject* content) {
  self.stage = Stage::kValidate;
  self.content = PyRef::borrow(content);
  std::array<PyObject*, 3> arguments{self.plan->response.validate.get(), content, Py_True};
  self.current = await_iterator(PyRef::steal(
      PyObject_Vectorcall(self.plan->threaded.get(), arguments.data(), 2, self.plan->from_attributes.get())));
  return self.current ? Next::kContinue : on_exception(self);
}

Next on_model(Frame& self, PyObject* content) {
  if (self.plan->threaded) return begin_validation(self, content);
  std::array<PyObject*, 2> arguments{content, Py_True};
  PyRef value = PyRef::steal(
      PyObject_Vectorcall(self.plan->response.validate.get(), arguments.data(), 1, self.plan->from_attributes.get()));
  return value ? serialize(self, value.get()) : on_invalid(self, content);
}

Next on_result(Frame& self, PyObject* result) {
  if (PyObject_TypeCheck(result, reinterpret_cast<PyTypeObject*>(self.plan->response_class.get()))) {
    return on_response(self, result);
  }
  const ResponsePlan& plan = self.plan->response;
  if (plan.validate) return on_model(self, result);
  if (plan.plain_json) {
    thread_local std::string buffer;
    const bool written = append_plain_json(buffer, result);
    if (written) self.run->conversation().respond(plan.status, "application/json", buffer);
    // Kept for the next answer, but not what the largest of all took.
    constexpr std::size_t kKept = std::size_t{1024} * 1024;
    if (buffer.capacity() > kKept) std::string().swap(buffer);  // what assigning does not: let go
    buffer.clear();
    if (written) return Next::kAnswered;
  }
  return render(self, result);
}

void end(Frame& self) noexcept {
  self.stage = Stage::kDone;
  self.current.reset();
  self.content.reset();
  self.arguments.clear();
}

/// After `current` has returned, raised or not begun: on to the next stage.
Next advance(Frame& self, PySendResult sent, PyRef value) {
  if (self.stage == Stage::kFinish) return sent == PYGEN_RETURN ? Next::kAnswered : Next::kError;
  if (self.stage == Stage::kValidate) {
    PyRef content = std::move(self.content);
    if (sent == PYGEN_RETURN) return serialize(self, value.get());
    // What is no Exception (a cancellation) says nothing about the content.
    return PyErr_ExceptionMatches(PyExc_Exception) != 0 ? on_invalid(self, content.get()) : Next::kError;
  }
  return sent == PYGEN_RETURN ? on_result(self, value.get()) : on_exception(self);
}

PySendResult proceed(Frame& self, PyObject* argument, PyObject** result);

PySendResult conclude(Frame& self, Next next, PyObject** result) {
  switch (next) {
    case Next::kContinue:
      return proceed(self, Py_None, result);
    case Next::kAnswered:
      end(self);
      *result = Py_NewRef(Py_None);
      return PYGEN_RETURN;
    case Next::kError:
      break;
  }
  end(self);
  *result = nullptr;
  return PYGEN_ERROR;
}

PySendResult step(PyObject* object, PyObject* argument, PyObject** result) {
  Frame& self = self_of(object);
  *result = nullptr;
  const Running running(self);
  if (!running) return PYGEN_ERROR;
  if (self.stage == Stage::kDone) {
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return PYGEN_ERROR;
  }
  if (self.stage == Stage::kStart) {
    self.stage = Stage::kEndpoint;
    self.current = call_endpoint(self);
    if (!self.current) return conclude(self, on_exception(self), result);
  }
  return proceed(self, argument, result);
}

PySendResult proceed(Frame& self, PyObject* argument, PyObject** result) {
  const PyRef current = PyRef::borrow(self.current.get());
  PyObject* value = nullptr;
  const PySendResult sent = PyIter_Send(current.get(), argument, &value);
  if (sent == PYGEN_NEXT) {
    *result = value;
    return sent;
  }
  return conclude(self, advance(self, sent, PyRef::steal(value)), result);
}

PyObject* throw_method(PyObject* object, PyObject* const* args, Py_ssize_t count) {
  Frame& self = self_of(object);
  const Running running(self);
  if (!running) return nullptr;
  if (!self.current || self.stage == Stage::kDone) {  // not begun, or over: the exception stands
    end(self);
    return pyloop::raise_thrown(args, count);
  }
  static PyObject* const name = PyUnicode_InternFromString("throw");
  const PyRef current = PyRef::borrow(self.current.get());
  PyRef method = PyRef::steal(PyObject_GetAttr(current.get(), name));
  PyObject* yielded =
      method ? PyObject_Vectorcall(method.get(), args, static_cast<std::size_t>(count), nullptr) : nullptr;
  PyObject* result = nullptr;
  PySendResult sent = pyloop::as_send_result(yielded, &result);
  if (sent == PYGEN_NEXT) return result;
  const Next next = advance(self, sent, PyRef::steal(std::exchange(result, nullptr)));
  sent = conclude(self, next, &result);
  return pyloop::as_iteration(sent, result);
}

PyObject* close_method(PyObject* object, PyObject* /*unused*/) {
  Frame& self = self_of(object);
  const Running running(self);
  if (!running) return nullptr;
  PyRef current = std::move(self.current);
  end(self);
  if (current && !PyRef::steal(PyObject_CallMethod(current.get(), "close", nullptr))) return nullptr;
  Py_RETURN_NONE;
}

/// cr_await, cr_frame, cr_running, cr_code of what is being awaited, for task.get_stack().
PyObject* get_attribute(PyObject* object, PyObject* name) {
  PyObject* own = PyObject_GenericGetAttr(object, name);
  if (own != nullptr || PyErr_ExceptionMatches(PyExc_AttributeError) == 0) return own;
  Frame& self = self_of(object);
  if (!self.current) return nullptr;
  PyErr_Clear();
  return PyObject_GetAttr(self.current.get(), name);
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  Frame& self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  for (const PyRef& argument : self.arguments) Py_VISIT(argument.get());
  Py_VISIT(self.current.get());
  Py_VISIT(self.content.get());
  return 0;
}

int clear(PyObject* object) {
  end(self_of(object));
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  Frame& self = self_of(object);
  self.arguments.~vector();
  self.current.~PyRef();
  self.content.~PyRef();
  type->tp_free(object);
  Py_DECREF(type);
}

}  // namespace

bool ready_frame_type() {
  if (coroutine_type == nullptr) {
    coroutine_type = pyloop::make_coroutine_type({.name = "data_bridge._core.Frame",
                                                  .basic_size = sizeof(Frame),
                                                  .dealloc = dealloc,
                                                  .traverse = traverse,
                                                  .clear = clear,
                                                  .step = step,
                                                  .throw_method = throw_method,
                                                  .close_method = close_method,
                                                  .get_attribute = get_attribute});
  }
  return coroutine_type != nullptr;
}

PyRef make_frame(Run& run, const RoutePlan& plan, std::vector<PyRef> arguments) {
  auto* self = PyObject_GC_New(Frame, coroutine_type);
  if (self == nullptr) return {};
  self->run = &run;
  self->plan = &plan;
  new (&self->arguments) std::vector<PyRef>(std::move(arguments));
  new (&self->current) PyRef();
  new (&self->content) PyRef();
  self->stage = Stage::kStart;
  self->running = false;
  PyObject* object = reinterpret_cast<PyObject*>(self);
  PyObject_GC_Track(object);
  return PyRef::steal(object);
}

void abandon_frame(PyObject* coroutine) noexcept {
  Frame& self = self_of(coroutine);
  self.stage = Stage::kDone;
  self.run = nullptr;
  self.plan = nullptr;
}

}  // namespace data_bridge::bridge
