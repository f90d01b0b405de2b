// create_task and create_future: asyncio's own Task and Future, made without a Python frame.
#include "pyloop/loop_futures.hpp"

#include <cstdint>
#include <utility>

#include "pyloop/loop_type.hpp"

namespace data_bridge::pyloop {

namespace {

PyTypeObject* task_type = nullptr;
PyTypeObject* future_type = nullptr;
// BaseEventLoop's, for whatever is not the common case.
PyObject* inherited_create_task = nullptr;
PyObject* inherited_create_future = nullptr;
// asyncio.tasks and asyncio.futures, whose classes nest_asyncio and some tests replace.
PyObject* tasks_names = nullptr;
PyObject* futures_names = nullptr;
PyObject* name_task = nullptr;
PyObject* name_future = nullptr;
PyObject* empty_tuple = nullptr;
PyObject* name_loop = nullptr;
PyObject* name_name = nullptr;
PyObject* name_context = nullptr;

// True while asyncio itself would make one of `type`.
bool is_asyncios(PyTypeObject* type, PyObject* names, PyObject* name) noexcept {
  return PyDict_GetItemWithError(names, name) == reinterpret_cast<PyObject*>(type);
}

// What type.__call__() does. Calling the type would make a new dict for each object.
PyObject* make(PyTypeObject* type, PyObject* args, PyObject* options) {
  PyRef object = PyRef::steal(type->tp_new(type, empty_tuple, nullptr));
  if (!object || type->tp_init(object.get(), args, options) < 0) return nullptr;
  return object.release();
}

// {"loop": self}, one dict for all objects: their __init__ only reads it.
PyObject* loop_options(PyObject* self, LoopState& state) {
  if (!state.future_options) {
    PyRef options = PyRef::steal(PyDict_New());
    if (!options || PyDict_SetItem(options.get(), name_loop, self) < 0) return nullptr;
    state.future_options = std::move(options);
  }
  return state.future_options.get();
}

enum class Known : std::uint8_t { kYes, kNo, kFailed };

// Adds `name=` and `context=` where they are given; kNo for any other keyword, such as eager_start of 3.14.
Known add_keywords(PyObject* const* values, PyObject* kwnames, PyRef& options) {
  for (Py_ssize_t i = 0; kwnames != nullptr && i < PyTuple_GET_SIZE(kwnames); ++i) {
    PyObject* key = PyTuple_GET_ITEM(kwnames, i);
    if (key != name_name && key != name_context) return Known::kNo;
    if (values[i] == Py_None) continue;
    // The dict of all becomes one of this task's own.
    if (PyDict_Size(options.get()) == 1) options = PyRef::steal(PyDict_Copy(options.get()));
    if (!options || PyDict_SetItem(options.get(), key, values[i]) < 0) return Known::kFailed;
  }
  return Known::kYes;
}

PyObject* call_inherited(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  const Py_ssize_t count = nargs + (kwnames == nullptr ? 0 : PyTuple_GET_SIZE(kwnames));
  const PyRef positional = PyRef::steal(PyTuple_New(nargs + 1));
  const PyRef keywords = PyRef::steal(kwnames == nullptr ? nullptr : PyDict_New());
  if (!positional || (kwnames != nullptr && !keywords)) return nullptr;
  PyTuple_SET_ITEM(positional.get(), 0, Py_NewRef(self));
  for (Py_ssize_t i = 0; i < nargs; ++i) PyTuple_SET_ITEM(positional.get(), i + 1, Py_NewRef(args[i]));
  for (Py_ssize_t i = nargs; i < count; ++i) {
    if (PyDict_SetItem(keywords.get(), PyTuple_GET_ITEM(kwnames, i - nargs), args[i]) < 0) return nullptr;
  }
  return PyObject_Call(inherited_create_task, positional.get(), keywords.get());
}

}  // namespace

PyObject* create_task(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  LoopState& state = LoopState::of(self);
  // With a task factory, in debug mode (which edits the traceback of where the task was made), or to fail.
  if (nargs != 1 || state.debug || state.closed || state.task_factory ||
      !is_asyncios(task_type, tasks_names, name_task)) {
    return call_inherited(self, args, nargs, kwnames);
  }
  PyObject* shared = loop_options(self, state);
  if (shared == nullptr) return nullptr;
  PyRef options = PyRef::borrow(shared);
  switch (add_keywords(args + 1, kwnames, options)) {
    case Known::kNo:
      return call_inherited(self, args, nargs, kwnames);
    case Known::kFailed:
      return nullptr;
    case Known::kYes:
      break;
  }
  const PyRef positional = PyRef::steal(PyTuple_Pack(1, args[0]));
  return positional ? make(task_type, positional.get(), options.get()) : nullptr;
}

PyObject* create_future(PyObject* self, PyObject*) {
  if (!is_asyncios(future_type, futures_names, name_future)) return PyObject_CallOneArg(inherited_create_future, self);
  PyObject* options = loop_options(self, LoopState::of(self));
  return options == nullptr ? nullptr : make(future_type, empty_tuple, options);
}

int register_futures() {
  const PyRef asyncio_c = PyRef::steal(PyImport_ImportModule("_asyncio"));
  const PyRef base_events = PyRef::steal(PyImport_ImportModule("asyncio.base_events"));
  if (!asyncio_c || !base_events) return -1;
  task_type = reinterpret_cast<PyTypeObject*>(PyObject_GetAttrString(asyncio_c.get(), "Task"));
  future_type = reinterpret_cast<PyTypeObject*>(PyObject_GetAttrString(asyncio_c.get(), "Future"));
  const PyRef base = PyRef::steal(PyObject_GetAttrString(base_events.get(), "BaseEventLoop"));
  inherited_create_task = base ? PyObject_GetAttrString(base.get(), "create_task") : nullptr;
  inherited_create_future = base ? PyObject_GetAttrString(base.get(), "create_future") : nullptr;
  const PyRef tasks = PyRef::steal(PyImport_ImportModule("asyncio.tasks"));
  const PyRef futures = PyRef::steal(PyImport_ImportModule("asyncio.futures"));
  if (inherited_create_future == nullptr || !tasks || !futures) return -1;
  tasks_names = Py_NewRef(PyModule_GetDict(tasks.get()));
  futures_names = Py_NewRef(PyModule_GetDict(futures.get()));
  name_task = PyUnicode_InternFromString("Task");
  name_future = PyUnicode_InternFromString("Future");
  if (name_task == nullptr || name_future == nullptr) return -1;
  empty_tuple = PyTuple_New(0);
  name_loop = PyUnicode_InternFromString("loop");
  name_name = PyUnicode_InternFromString("name");
  name_context = PyUnicode_InternFromString("context");
  const bool good = task_type != nullptr && future_type != nullptr && inherited_create_task != nullptr &&
                    empty_tuple != nullptr && name_loop != nullptr && name_name != nullptr && name_context != nullptr;
  return good ? 0 : -1;
}

}  // namespace data_bridge::pyloop
