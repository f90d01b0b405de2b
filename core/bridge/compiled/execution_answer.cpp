// From the endpoint's result to the answer, and what ends otherwise: what fastapi.routing.get_request_handler() and
// request_response() do behind the endpoint.
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "bridge/asgi/callables.hpp"
#include "bridge/asgi/message.hpp"
#include "bridge/compiled/execution.hpp"
#include "bridge/compiled/plain_json.hpp"
#include "pyloop/py_error.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

/// Length of the attribute `name`; -1 with an exception set.
Py_ssize_t length_of(PyObject* object, PyObject* name) {
  const PyRef value = PyRef::steal(PyObject_GetAttr(object, name));
  return value ? PyObject_Size(value.get()) : -1;
}

/// Whether an AsyncExitStack, if there is one, has something to exit.
bool exits(const PyRef& stack) {
  static PyObject* const callbacks = PyUnicode_InternFromString("_exit_callbacks");
  return stack && length_of(stack.get(), callbacks) != 0;
}

}  // namespace

Door::Answer Door::answer_json_by_messages(long status, std::string_view body, PyObject* headers, PyRef& next) {
  const PyRef fields = json_fields(body.size(), headers);
  const PyRef content = PyRef::steal(PyBytes_FromStringAndSize(body.data(), static_cast<Py_ssize_t>(body.size())));
  const PyRef code = PyRef::steal(PyLong_FromLong(status));
  return fields && content && code ? answer(code.get(), fields.get(), content.get(), next) : Answer::kError;
}

// --- the endpoint and its result -------------------------------------------------------------------

Execution::Next Execution::call_endpoint() {
  if (errors_) {
    if (!complete_scope() || !make_form()) return Next::kError;
    PyObject* const body = inputs_.body() == plan_.undefined.get() ? Py_None : inputs_.body();
    std::array<PyObject*, 3> arguments{errors_.get(), body, door_.scope()};
    const PyRef error =
        PyRef::steal(PyObject_Vectorcall(plan_.invalid_request.get(), arguments.data(), arguments.size(), nullptr));
    return error ? finish(error.get()) : on_exception();
  }
  if (plan_.endpoint.op == Op::kStream) return await(stream(plan_.endpoint), Stage::kEndpoint);
  if (plan_.endpoint.op != Op::kApplication) return await(call(plan_.endpoint), Stage::kEndpoint);
  return await(call_application(plan_.endpoint.function.get(), door_.scope(), door_.receive(), door_.send()),
               Stage::kFinish);
}

Execution::Next Execution::on_result(PyObject* result) {
  if (PyObject_TypeCheck(result, reinterpret_cast<PyTypeObject*>(plan_.response_class.get()))) {
    PyObject* const tasks = slots_[kTasksSlot].get();
    if (tasks != nullptr) {
      const PyRef background = PyRef::steal(PyObject_GetAttrString(result, "background"));
      if (!background) return on_exception();
      if (background.get() == Py_None && PyObject_SetAttrString(result, "background", tasks) != 0) {
        return on_exception();
      }
    }
    return on_response(PyRef::borrow(result));
  }
  const ResponseWriter* const writer = plan_.response.writer;
  if (writer != nullptr || plan_.response.plain_json) {
    thread_local std::string buffer;
    std::string document;
    document.swap(buffer);  // an answer may run code of the application's that answers another request
    Next next = Next::kError;
    const bool written = writer != nullptr ? writer->write(document, result) : append_plain_json(document, result);
    if (written) next = answer_json(document);
    // Kept for the next answer, but not what the largest of all took.
    constexpr std::size_t kKept = std::size_t{1024} * 1024;
    if (document.capacity() <= kKept) {
      document.clear();
      buffer.swap(document);
    }
    if (written) return next;
  }
  if (plan_.response.validate) return on_model(result);
  return respond_by(plan_.response.render, result);
}

Execution::Next Execution::on_model(PyObject* content) {
  if (plan_.threaded) return begin_validation(content);
  std::array<PyObject*, 2> arguments{content, Py_True};
  const PyRef value = PyRef::steal(
      PyObject_Vectorcall(plan_.response.validate.get(), arguments.data(), 1, plan_.from_attributes.get()));
  return value ? serialize(value.get()) : on_invalid(content);
}

/// A sync endpoint's result is validated in a worker thread, as serialize_response() does.
Execution::Next Execution::begin_validation(PyObject* content) {
  content_ = PyRef::borrow(content);
  std::array<PyObject*, 3> arguments{plan_.response.validate.get(), content, Py_True};
  return await(
      PyRef::steal(PyObject_Vectorcall(plan_.run_in_thread.get(), arguments.data(), 2, plan_.from_attributes.get())),
      Stage::kValidate);
}

/// The response field refused `content`, or something else went wrong, which says nothing about it.
Execution::Next Execution::on_invalid(PyObject* content) {
  if (PyErr_ExceptionMatches(plan_.validation_error.get()) == 0) return on_exception();
  const PyRef refusal = pyloop::take_exception();
  std::array<PyObject*, 3> arguments{content, refusal.get(), door_.scope()};
  if (arguments[2] == nullptr) return Next::kError;
  const PyRef error =
      PyRef::steal(PyObject_Vectorcall(plan_.response.invalid.get(), arguments.data(), arguments.size(), nullptr));
  return error ? finish(error.get()) : on_exception();
}

Execution::Next Execution::serialize(PyObject* value) {
  const ResponsePlan& plan = plan_.response;
  if (!plan.to_json) {
    const PyRef content = PyRef::steal(PyObject_CallOneArg(plan.encode.get(), value));
    return content ? respond_by(plan.render, content.get()) : on_exception();
  }
  std::array<PyObject*, kMaxToJsonKeywords + 1> values{value};
  for (std::size_t i = 0; i < plan.to_json_values.size(); ++i) values[i + 1] = plan.to_json_values[i].get();
  const PyRef body = PyRef::steal(PyObject_Vectorcall(plan.to_json.get(), values.data(), 1, plan.to_json_names.get()));
  if (!body) return on_exception();
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(body.get(), &data, &size) != 0) return on_exception();
  return answer_json({data, static_cast<std::size_t>(size)});
}

/// By `make`, the plan's render or wrap, a Response of `content` with what was injected.
Execution::Next Execution::respond_by(const PyRef& make, PyObject* content) {
  const auto or_none = [this](std::size_t slot) { return slots_[slot] ? slots_[slot].get() : Py_None; };
  std::array<PyObject*, 3> arguments{content, or_none(kResponseSlot), or_none(kTasksSlot)};
  PyRef response = PyRef::steal(PyObject_Vectorcall(make.get(), arguments.data(), arguments.size(), nullptr));
  return response ? on_response(std::move(response)) : on_exception();
}

bool Execution::injected_status(long& status) {
  const PyRef code = PyRef::steal(PyObject_GetAttrString(slots_[kResponseSlot].get(), "status_code"));
  const int truth = code ? PyObject_IsTrue(code.get()) : -1;
  if (truth == 1) status = PyLong_AsLong(code.get());
  return PyErr_Occurred() == nullptr;
}

/// At once, where what is behind it, if anything, waits for it; else as a Response, which FastAPI's layers send.
Execution::Next Execution::answer_json(std::string_view body) {
  PyObject* const injected = slots_[kResponseSlot].get();
  const bool ends = !has_exits() && !has_tasks();
  if ((ends || answers_before_rest()) && !session_changes()) {
    long status = plan_.response.status;
    PyRef headers;
    if (injected != nullptr) {
      headers = PyRef::steal(PyObject_GetAttrString(injected, "raw_headers"));
      if (!headers || !injected_status(status)) return on_exception();
    }
    PyRef next;
    if (!ends) door_.keep_open();
    const Door::Answer answer = door_.answer_json(status, body, headers.get(), next);
    has_rest_ = !ends;
    if (answer != Door::Answer::kNotHere) return answered(answer, std::move(next));
  }
  const PyRef content = PyRef::steal(PyBytes_FromStringAndSize(body.data(), static_cast<Py_ssize_t>(body.size())));
  return content ? respond_by(plan_.response.wrap, content.get()) : on_exception();
}

Execution::Next Execution::answered(Door::Answer answer, PyRef next) {
  switch (answer) {
    case Door::Answer::kDone:
      return has_rest_ ? finish_rest() : Next::kAnswered;
    case Door::Answer::kAwait:
      return await(std::move(next), Stage::kSend);
    case Door::Answer::kNotHere:
    case Door::Answer::kError:
      break;
  }
  return on_exception();
}

/// The answer has been sent: what is left of its response are its tasks, and the exits around it.
Execution::Next Execution::finish_rest() {
  static PyObject* const exit = PyUnicode_InternFromString("__aexit__");
  if (!has_tasks() && !exits(function_stack_) && !has_files_to_close()) {
    has_rest_ = false;
    generator_ = take_only_exit();
    if (PyErr_Occurred() != nullptr) return on_exception();
    if (generator_) {
      return await(PyRef::steal(Py_TYPE(generator_.get())->tp_as_async->am_anext(generator_.get())), Stage::kOnlyExit);
    }
    std::array<PyObject*, 4> arguments{request_stack_.get(), Py_None, Py_None, Py_None};
    return await(PyRef::steal(PyObject_VectorcallMethod(exit, arguments.data(), arguments.size(), nullptr)),
                 Stage::kExit);
  }
  PyObject* const tasks = slots_[kTasksSlot] ? slots_[kTasksSlot].get() : Py_None;
  const PyRef rest = PyRef::steal(PyObject_CallOneArg(plan_.answered.get(), tasks));
  return rest ? finish(rest.get()) : on_exception();
}

/// The generator should have ended.
Execution::Next Execution::on_only_exit(bool returned) {
  const PyRef generator = std::move(generator_);
  if (returned) return await(PyRef::steal(PyObject_CallOneArg(plan_.end_again.get(), generator.get())), Stage::kExit);
  if (PyErr_ExceptionMatches(PyExc_StopAsyncIteration) == 0) return on_exception();
  PyErr_Clear();
  return Next::kAnswered;
}

/// Where the application's layers are gone around, and so the one that closes the files of forms.
bool Execution::has_files_to_close() const {
  if (door_.around() == Door::Around::kEverything || !scope_is_complete_ || !plan_.scope.files_key) return false;
  PyObject* const files = PyDict_GetItemWithError(door_.scope(), plan_.scope.files_key.get());
  return files == nullptr || exits(PyRef::borrow(files));
}

bool Execution::carries_only_bytes(PyObject* response) {
  PyObject* const type = reinterpret_cast<PyObject*>(Py_TYPE(response));
  if (PyObject* const known = PyDict_GetItemWithError(plan_.known_types.get(), type)) return known == Py_True;
  const PyRef answer = PyRef::steal(PyObject_CallOneArg(plan_.only_bytes.get(), type));
  if (!answer || PyDict_SetItem(plan_.known_types.get(), type, answer.get()) != 0) {
    PyErr_Clear();
    return false;
  }
  return answer.get() == Py_True;
}

Execution::Next Execution::on_response(PyRef response) {
  if (door_.returns_response()) {
    result_ = std::move(response);
    return Next::kAnswered;
  }
  const bool ends = !has_exits();
  if ((ends || (answers_before_rest() && !has_tasks())) && carries_only_bytes(response.get())) {
    PyRef background = PyRef::steal(PyObject_GetAttrString(response.get(), "background"));
    PyRef body = PyRef::steal(PyObject_GetAttrString(response.get(), "body"));
    PyRef status = PyRef::steal(PyObject_GetAttrString(response.get(), "status_code"));
    PyRef headers = PyRef::steal(PyObject_GetAttrString(response.get(), "raw_headers"));
    const bool nothing_behind =
        background && (background.get() == Py_None || (background.get() == slots_[kTasksSlot].get() && !has_tasks()));
    if (session_changes()) headers = fields_with_session(std::move(headers));
    if (nothing_behind && body && PyBytes_CheckExact(body.get()) && headers && PyList_CheckExact(headers.get()) &&
        status && PyLong_Check(status.get())) {
      PyRef next;
      if (!ends) door_.keep_open();
      const Door::Answer answer = door_.answer(status.get(), headers.get(), body.get(), next);
      has_rest_ = !ends;
      if (answer != Door::Answer::kNotHere) return answered(answer, std::move(next));
    }
    PyErr_Clear();
  }
  return finish(response.get());
}

/// Whether the session has something to say to the answer; also where that cannot be told.
bool Execution::session_changes() {
  if (!session_) return false;
  std::array<PyObject*, 2> arguments{session_.get(), door_.scope()};
  const PyRef changes =
      PyRef::steal(PyObject_Vectorcall(plan_.session.changes.get(), arguments.data(), arguments.size(), nullptr));
  if (!changes) PyErr_Clear();
  return !changes || changes.get() == Py_True;
}

/// Empty where there are none, or None where the layers in Python are to see to it.
PyRef Execution::fields_with_session(PyRef fields) {
  if (!fields) return {};
  std::array<PyObject*, 2> arguments{session_.get(), fields.get()};
  return PyRef::steal(PyObject_Vectorcall(plan_.session.fields.get(), arguments.data(), arguments.size(), nullptr));
}

// --- outcomes --------------------------------------------------------------------------------------

bool Execution::has_exits() const {
  if (door_.returns_response()) return false;  // the caller sees to them
  return (closes_files_ && door_.around() != Door::Around::kEverything) || exits(function_stack_) ||
         exits(request_stack_);
}

/// Nothing exits between the endpoint and its answer.
bool Execution::answers_before_rest() const {
  return plan_.answers_before_exits && !closes_files_ && !door_.returns_response() && !exits(function_stack_);
}

bool Execution::has_tasks() {
  static PyObject* const tasks = PyUnicode_InternFromString("tasks");
  return slots_[kTasksSlot] && length_of(slots_[kTasksSlot].get(), tasks) != 0;
}

/// FastAPI's layers catch Exception; whatever else flies (CancelledError, KeyboardInterrupt) passes them, but for the
/// exits of dependencies.
Execution::Next Execution::on_exception() {
  if (PyErr_ExceptionMatches(PyExc_Exception) == 0) {
    const PyRef kept = pyloop::take_exception();
    if (has_exits()) return finish(kept.get());
    PyErr_Clear();
    pyloop::raise_exception(PyRef::borrow(kept.get()));
    return Next::kError;
  }
  const PyRef exception = pyloop::take_exception();
  return finish(exception.get());
}

PyObject* Execution::finisher() const noexcept {
  switch (door_.around()) {
    case Door::Around::kNothing:
      return plan_.finish_native.get();
    case Door::Around::kMiddleware:
      return plan_.finish_inside.get();
    case Door::Around::kEverything:
      break;
  }
  return plan_.finish.get();
}

Execution::Next Execution::finish(PyObject* outcome) {
  const PyRef kept = PyRef::borrow(outcome);
  if (door_.returns_response()) {
    pyloop::raise_exception(PyRef::borrow(outcome));
    return Next::kError;
  }
  if (!complete_scope()) return Next::kError;
  if (form_ && form_->finished() && request() == nullptr) return Next::kError;  // handlers find the form in it
  PyObject* const receive = door_.receive();
  PyObject* const send = door_.send();
  if (receive == nullptr || send == nullptr) return Next::kError;
  const auto or_none = [](PyObject* object) { return object != nullptr ? object : Py_None; };
  const PyRef ending = PyRef::steal(PyTuple_Pack(
      7, outcome, or_none(slots_[kRequestSlot].get()), or_none(inputs_.body_bytes()), or_none(function_stack_.get()),
      or_none(request_stack_.get()), door_.started() ? Py_True : Py_False, or_none(session_.get())));
  if (!ending) return Next::kError;
  std::array<PyObject*, 4> arguments{door_.scope(), receive, send, ending.get()};
  return await(PyRef::steal(PyObject_Vectorcall(finisher(), arguments.data(), arguments.size(), nullptr)),
               Stage::kFinish);
}

}  // namespace data_bridge::bridge
