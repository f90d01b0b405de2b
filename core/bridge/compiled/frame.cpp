// The coroutine type of compiled routes.
#include "bridge/compiled/frame.hpp"

#include <cstdint>
#include <new>
#include <utility>

#include "bridge/compiled/execution.hpp"
#include "pyloop/generator.hpp"
#include "pyloop/py_error.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

enum class Stage : std::uint8_t { kStart, kRunning, kDone };

struct Frame {
  PyObject_HEAD Execution execution;
  std::unique_ptr<Door> owned;  // which the execution uses, where nobody else keeps it
  Stage stage;
  bool running;  // a step, a throw() or a close() is on the stack
};

PyTypeObject* coroutine_type = nullptr;

Frame& self_of(PyObject* object) noexcept { return *reinterpret_cast<Frame*>(object); }

void end(Frame& self) noexcept {
  self.stage = Stage::kDone;
  self.execution.end();
}

/// Drives the execution from `next` on, until it waits or is over.
PySendResult proceed(Frame& self, Execution::Next next, PyObject* argument, PyObject** result) {
  *result = nullptr;
  while (next == Execution::Next::kAwait) {
    const PyRef current = PyRef::borrow(self.execution.current());
    PyObject* value = nullptr;
    const PySendResult sent = PyIter_Send(current.get(), argument, &value);
    if (sent == PYGEN_NEXT) {
      *result = value;
      return sent;
    }
    argument = Py_None;
    next = self.execution.advance(sent == PYGEN_RETURN, PyRef::steal(value));
  }
  PyRef returned = self.execution.take_result();
  end(self);
  if (next == Execution::Next::kError) return PYGEN_ERROR;
  *result = returned.release();
  return PYGEN_RETURN;
}

PySendResult step(PyObject* object, PyObject* argument, PyObject** result) {
  Frame& self = self_of(object);
  *result = nullptr;
  const pyloop::RunningStep running(self.running);
  if (!running) return PYGEN_ERROR;
  if (self.stage == Stage::kDone) {
    pyloop::refuse_reuse();
    return PYGEN_ERROR;
  }
  const bool begins = std::exchange(self.stage, Stage::kRunning) == Stage::kStart;
  return proceed(self, begins ? self.execution.start() : Execution::Next::kAwait, argument, result);
}

PyObject* throw_method(PyObject* object, PyObject* const* args, Py_ssize_t count) {
  Frame& self = self_of(object);
  const pyloop::RunningStep running(self.running);
  if (!running) return nullptr;
  if (self.stage == Stage::kDone) {
    pyloop::refuse_reuse();
    return nullptr;
  }
  if (self.stage == Stage::kStart) {  // not begun: the exception stands
    end(self);
    return pyloop::raise_thrown(args, count);
  }
  const PyRef current = PyRef::borrow(self.execution.current());
  PyObject* result = nullptr;
  PySendResult sent = pyloop::throw_into(current.get(), args, count, &result);
  if (sent == PYGEN_NEXT) return result;
  const Execution::Next next =
      self.execution.advance(sent == PYGEN_RETURN, PyRef::steal(std::exchange(result, nullptr)));
  sent = proceed(self, next, Py_None, &result);
  return pyloop::as_iteration(sent, result);
}

PyObject* close_method(PyObject* object, PyObject* /*unused*/) {
  Frame& self = self_of(object);
  const pyloop::RunningStep running(self.running);
  if (!running) return nullptr;
  PyRef current = self.execution.take_current();
  end(self);
  if (current && !PyRef::steal(PyObject_CallMethod(current.get(), "close", nullptr))) return nullptr;
  Py_RETURN_NONE;
}

/// cr_await, cr_frame, cr_running, cr_code of what is being awaited, for task.get_stack().
PyObject* get_attribute(PyObject* object, PyObject* name) {
  PyObject* own = PyObject_GenericGetAttr(object, name);
  if (own != nullptr || PyErr_ExceptionMatches(PyExc_AttributeError) == 0) return own;
  PyObject* const current = self_of(object).execution.current();
  if (current == nullptr) return nullptr;
  PyErr_Clear();
  return PyObject_GetAttr(current, name);
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  const Frame& self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  if (self.owned) {
    if (const int stop = self.owned->traverse(visit, arg); stop != 0) return stop;
  }
  return self.execution.traverse(visit, arg);
}

int clear(PyObject* object) {
  end(self_of(object));
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  Frame& self = self_of(object);
  self.execution.~Execution();
  self.owned.~unique_ptr();
  type->tp_free(object);
  Py_DECREF(type);
}

PyRef make(Door& door, const RoutePlan& plan, std::unique_ptr<Door> owned) {
  auto* self = PyObject_GC_New(Frame, coroutine_type);
  if (self == nullptr) return {};
  new (&self->execution) Execution(door, plan);
  new (&self->owned) std::unique_ptr<Door>(std::move(owned));
  self->stage = Stage::kStart;
  self->running = false;
  PyObject* object = reinterpret_cast<PyObject*>(self);
  PyObject_GC_Track(object);
  return PyRef::steal(object);
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

PyRef make_frame(Door& door, const RoutePlan& plan) { return make(door, plan, nullptr); }

PyRef make_frame(std::unique_ptr<Door> door, const RoutePlan& plan) {
  Door& used = *door;
  return make(used, plan, std::move(door));
}

void abandon_frame(PyObject* coroutine) noexcept { self_of(coroutine).stage = Stage::kDone; }

}  // namespace data_bridge::bridge
