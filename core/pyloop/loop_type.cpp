// The type object LoopBase: life, garbage collection, and the private attributes that asyncio's own code reads.
#include "pyloop/loop_type.hpp"

#include <exception>
#include <utility>

#include "pyloop/handle.hpp"

namespace data_bridge::pyloop {

namespace {

PyTypeObject* loop_type = nullptr;

PyObject* loop_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* self = type->tp_alloc(type, 0);
  if (self == nullptr) return nullptr;
  try {
    reinterpret_cast<LoopObject*>(self)->state = new LoopState(self);
  } catch (const std::system_error& error) {
    PyErr_Format(PyExc_OSError, "cannot make an event loop: %s", error.what());
    Py_CLEAR(self);
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    Py_CLEAR(self);
  }
  if (self != nullptr && !find_clock(self)) Py_CLEAR(self);
  return self;
}

// Fake clocks are put in and taken out by assignment, while the loop runs.
int loop_set_attribute(PyObject* self, PyObject* name, PyObject* value) {
  if (PyObject_GenericSetAttr(self, name, value) < 0) return -1;
  return PyUnicode_CompareWithASCIIString(name, "time") != 0 || find_clock(self) ? 0 : -1;
}

int loop_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  const LoopState* state = reinterpret_cast<LoopObject*>(self)->state;
  return state == nullptr ? 0 : state->traverse(visit, arg);
}

int loop_clear(PyObject* self) {
  if (LoopState* state = reinterpret_cast<LoopObject*>(self)->state) {
    state->clear();
    state->task_factory.reset();
  }
  return 0;
}

void loop_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  PyTypeObject* type = Py_TYPE(self);
  loop_clear(self);
  delete std::exchange(reinterpret_cast<LoopObject*>(self)->state, nullptr);
  type->tp_free(self);
  Py_DECREF(type);
}

// _ready and _scheduled are copies: good for looking at, as debuggers and tests do.
PyObject* get_ready(PyObject* self, void*) {
  PyRef list = PyRef::steal(PyList_New(0));
  PyRef collections = PyRef::steal(PyImport_ImportModule("collections"));
  if (!list || !collections) return nullptr;
  bool good = true;
  LoopState::of(self).ready().for_each(
      [&](PyObject* handle) { good = good && PyList_Append(list.get(), handle) == 0; });
  return good ? PyObject_CallMethod(collections.get(), "deque", "O", list.get()) : nullptr;
}

PyObject* get_scheduled(PyObject* self, void*) {
  PyRef list = PyRef::steal(PyList_New(0));
  if (!list) return nullptr;
  bool good = true;
  LoopState::of(self).timers().for_each(
      [&](PyObject* handle) { good = good && PyList_Append(list.get(), handle) == 0; });
  return good ? list.release() : nullptr;
}

// BaseEventLoop.__init__ assigns empty containers.
int ignore(PyObject*, PyObject*, void*) { return 0; }

template <bool LoopState::* Member>
PyObject* get_flag(PyObject* self, void*) {
  return PyBool_FromLong(LoopState::of(self).*Member);
}

template <bool LoopState::* Member>
int set_flag(PyObject* self, PyObject* value, void*) {
  const int truth = value == nullptr ? 0 : PyObject_IsTrue(value);
  if (truth < 0) return -1;
  LoopState::of(self).*Member = truth == 1;
  return 0;
}

PyObject* get_thread_id(PyObject* self, void*) {
  const LoopState& state = LoopState::of(self);
  if (!state.has_thread) Py_RETURN_NONE;
  return PyLong_FromUnsignedLong(state.thread_id);
}

int set_thread_id(PyObject* self, PyObject* value, void*) {
  LoopState& state = LoopState::of(self);
  state.has_thread = value != nullptr && value != Py_None;
  if (!state.has_thread) return 0;
  state.thread_id = PyLong_AsUnsignedLong(value);
  return PyErr_Occurred() == nullptr ? 0 : -1;
}

PyObject* get_current_handle(PyObject* self, void*) {
  PyObject* handle = LoopState::of(self).current_handle.get();
  return Py_NewRef(handle != nullptr ? handle : Py_None);
}

int set_current_handle(PyObject* self, PyObject* value, void*) {
  LoopState::of(self).current_handle = value == Py_None ? PyRef() : PyRef::borrow(value);
  return 0;
}

PyObject* get_task_factory(PyObject* self, void*) {
  PyObject* factory = LoopState::of(self).task_factory.get();
  return Py_NewRef(factory != nullptr ? factory : Py_None);
}

int set_task_factory(PyObject* self, PyObject* value, void*) {
  LoopState::of(self).task_factory = value == nullptr || value == Py_None ? PyRef() : PyRef::borrow(value);
  return 0;
}

PyObject* get_cancelled_count(PyObject* self, void*) { return PyLong_FromSize_t(LoopState::of(self).timers_cancelled); }

PyObject* get_clock_resolution(PyObject* self, void*) {
  return PyFloat_FromDouble(LoopState::of(self).clock_resolution);
}

int set_clock_resolution(PyObject* self, PyObject* value, void*) {
  const double seconds = value == nullptr ? 0 : PyFloat_AsDouble(value);
  if (PyErr_Occurred() != nullptr) return -1;
  LoopState::of(self).clock_resolution = seconds;
  return 0;
}

PyGetSetDef loop_getset[] = {
    {"_ready", get_ready, ignore, "A copy of the ready queue.", nullptr},
    {"_scheduled", get_scheduled, ignore, "A copy of the timer heap.", nullptr},
    {"_stopping", get_flag<&LoopState::stopping>, set_flag<&LoopState::stopping>, nullptr, nullptr},
    {"_closed", get_flag<&LoopState::closed>, set_flag<&LoopState::closed>, nullptr, nullptr},
    {"_debug", get_flag<&LoopState::debug>, set_flag<&LoopState::debug>, nullptr, nullptr},
    {"_thread_id", get_thread_id, set_thread_id, nullptr, nullptr},
    {"_current_handle", get_current_handle, set_current_handle, nullptr, nullptr},
    {"_task_factory", get_task_factory, set_task_factory, nullptr, nullptr},
    {"_timer_cancelled_count", get_cancelled_count, ignore, nullptr, nullptr},
    {"_clock_resolution", get_clock_resolution, set_clock_resolution, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace

bool is_loop(PyObject* object) noexcept { return PyObject_TypeCheck(object, loop_type) != 0; }

int register_loop_type(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("The native half of data_bridge.PyLoop; of no use on its own.")},
                         {Py_tp_new, reinterpret_cast<void*>(loop_new)},
                         {Py_tp_traverse, reinterpret_cast<void*>(loop_traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(loop_clear)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(loop_dealloc)},
                         {Py_tp_setattro, reinterpret_cast<void*>(loop_set_attribute)},
                         {Py_tp_methods, loop_methods},
                         {Py_tp_getset, loop_getset},
                         {0, nullptr}};
  PyType_Spec spec = {"data_bridge._core.LoopBase", sizeof(LoopObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  PyObject* type = PyType_FromSpec(&spec);
  if (type == nullptr) return -1;
  loop_type = reinterpret_cast<PyTypeObject*>(type);
  return PyModule_AddObjectRef(module, "LoopBase", type);
}

}  // namespace data_bridge::pyloop
