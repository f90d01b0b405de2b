// Handle and TimerHandle, derived from asyncio's so that they are what inherited code expects.
#include "pyloop/handle.hpp"

#include <structmember.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "pyloop/py_error.hpp"
#include "pyloop/trashcan.hpp"

namespace data_bridge::pyloop {

namespace {

PyTypeObject* handle_type = nullptr;
PyTypeObject* timer_type = nullptr;
// Where HandleFields begin: behind the larger of the two bases, so that both types share one layout.
Py_ssize_t fields_offset = 0;
Py_ssize_t weaklist_offset = 0;
PyObject* extract_stack = nullptr;
PyObject* name_cancelled = nullptr;
PyObject* name_cancel = nullptr;
PyObject* name_run = nullptr;
PyObject* name_callback_failed = nullptr;

// Handles live for less than a turn: the same few blocks of memory serve a busy loop for ever.
constexpr std::size_t kFreeListLimit = 1024;
std::array<PyObject*, kFreeListLimit> free_list;
std::size_t free_count = 0;

HandleFields& fields_of(PyObject* handle) noexcept {
  return *reinterpret_cast<HandleFields*>(reinterpret_cast<char*>(handle) + fields_offset);
}

bool has_preheader([[maybe_unused]] const PyTypeObject* type) noexcept {
#if PY_VERSION_HEX >= 0x030C0000
  return (type->tp_flags & Py_TPFLAGS_MANAGED_WEAKREF) != 0;
#else
  return false;
#endif
}

PyObject* allocate(PyTypeObject* type, Collector collector) noexcept {
  if (free_count == 0) {
    PyObject* object = type->tp_alloc(type, 0);  // shows it
    if (object != nullptr && collector == Collector::kHidden) PyObject_GC_UnTrack(object);
    return object;
  }
  // The memory is all zero but for its head: deallocation left it so.
  PyObject* object = PyObject_Init(free_list[--free_count], type);
  if (collector == Collector::kShown) PyObject_GC_Track(object);
  return object;
}

void drop_call(HandleFields& fields) noexcept {
  PyObject* callback = std::exchange(fields.callback, nullptr);
  const Py_ssize_t count = fields.nargs < 0 ? 1 : fields.nargs;
  fields.nargs = 0;
  PyObject* args[HandleFields::kInlineArgs];
  std::copy_n(fields.args, count, args);
  std::fill_n(fields.args, count, nullptr);
  Py_XDECREF(callback);
  for (Py_ssize_t i = 0; i < count; ++i) Py_DECREF(args[i]);
}

int handle_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  HandleFields& fields = fields_of(self);
  Py_VISIT(fields.callback);
  Py_VISIT(fields.context);
  Py_VISIT(fields.loop);
  Py_VISIT(fields.source_traceback);
  Py_VISIT(fields.repr);
  for (PyObject* item : fields.args) Py_VISIT(item);
  return 0;
}

int handle_clear(PyObject* self) {
  HandleFields& fields = fields_of(self);
  // A handle that the collector took apart must not run any more.
  fields.cancelled = true;
  drop_call(fields);
  Py_CLEAR(fields.context);
  Py_CLEAR(fields.loop);
  Py_CLEAR(fields.source_traceback);
  Py_CLEAR(fields.repr);
  return 0;
}

void destroy(PyObject* self) {
  if (*reinterpret_cast<PyObject**>(reinterpret_cast<char*>(self) + weaklist_offset) != nullptr) {
    PyObject_ClearWeakRefs(self);
  }
  PyTypeObject* type = Py_TYPE(self);
  handle_clear(self);
  if (free_count < kFreeListLimit) {
    HandleFields& fields = fields_of(self);
    fields.when = 0;
    fields.cancelled = fields.scheduled = fields.running = false;
    free_list[free_count++] = self;
  } else {
    type->tp_free(self);
  }
  Py_DECREF(type);
}

PyRef args_tuple(const HandleFields& fields) {
  if (fields.nargs < 0) return PyRef::borrow(fields.args[0]);
  PyRef tuple = PyRef::steal(PyTuple_New(fields.nargs));
  for (Py_ssize_t i = 0; tuple && i < fields.nargs; ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(fields.args[i]));
  return tuple;
}

bool start(PyObject* object, PyObject* loop, PyObject* callback, PyObject* const* args, Py_ssize_t nargs,
           PyObject* context) {
  HandleFields& fields = fields_of(object);
  fields.context = context == nullptr || context == Py_None ? PyContext_CopyCurrent() : Py_NewRef(context);
  if (fields.context == nullptr) return false;
  fields.loop = Py_NewRef(loop);
  fields.callback = Py_NewRef(callback);
  if (nargs <= HandleFields::kInlineArgs) {
    for (Py_ssize_t i = 0; i < nargs; ++i) fields.args[i] = Py_NewRef(args[i]);
    fields.nargs = nargs;
  } else {
    PyObject* tuple = PyTuple_New(nargs);
    if (tuple == nullptr) return false;
    for (Py_ssize_t i = 0; i < nargs; ++i) PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    fields.args[0] = tuple;
    fields.nargs = -1;
  }
  if (LoopState::of(loop).debug) {
    // No frame of asyncio lies between here and the caller, so that there is none to strip, as the stdlib does.
    PyFrameObject* frame = PyEval_GetFrame();
    PyObject* argument = frame != nullptr ? reinterpret_cast<PyObject*>(frame) : Py_None;
    fields.source_traceback = PyObject_CallOneArg(extract_stack, argument);
    if (fields.source_traceback == nullptr) return false;
  }
  return true;
}

PyObject* call(HandleFields& fields) noexcept {
  if (fields.nargs < 0) return PyObject_CallObject(fields.callback, fields.args[0]);
  return PyObject_Vectorcall(fields.callback, fields.args,
                             static_cast<std::size_t>(fields.nargs) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
}

bool run_native(PyObject* handle, HandleFields& fields) {
  if (fields.cancelled || fields.callback == nullptr) return true;
  PyObject* context = fields.context;
  const bool nested = std::exchange(fields.running, true);
  PyObject* result = nullptr;
  if (PyContext_Enter(context) == 0) {
    result = call(fields);
    if (result == nullptr) {
      // Leaving the Context must not meet a pending exception.
      PyRef exception = take_exception();
      PyContext_Exit(context);
      raise_exception(std::move(exception));
    } else if (PyContext_Exit(context) < 0) {
      Py_CLEAR(result);
    }
  } else if (LoopState::of(fields.loop).defer(handle)) {
    PyErr_Clear();
    fields.running = nested;
    return true;
  }
  fields.running = nested;
  if (result == nullptr) {
    PyRef exception = take_exception();
    if (exception && leaves_the_loop(exception.get())) {
      raise_exception(std::move(exception));
      return false;
    }
    PyObject* argv[] = {fields.loop, handle, exception ? exception.get() : Py_None};
    PyRef reported = PyRef::steal(PyObject_VectorcallMethod(name_callback_failed, argv, 3, nullptr));
    if (!reported) return false;
  } else {
    Py_DECREF(result);
  }
  if (fields.cancelled && !nested) drop_call(fields);
  return true;
}

// --- the Python face ------------------------------------------------------------------------------

PyObject* handle_cancel(PyObject* self, PyObject*) {
  cancel_handle(self);
  if (PyErr_Occurred() != nullptr) return nullptr;
  Py_RETURN_NONE;
}

PyObject* handle_is_cancelled(PyObject* self, PyObject*) { return PyBool_FromLong(fields_of(self).cancelled); }

PyObject* handle_run(PyObject* self, PyObject*) {
  if (!run_native(self, fields_of(self))) return nullptr;
  Py_RETURN_NONE;
}

PyObject* or_none(PyObject* object) { return Py_NewRef(object != nullptr ? object : Py_None); }

PyObject* handle_get_context(PyObject* self, PyObject*) { return or_none(fields_of(self).context); }

PyObject* timer_when(PyObject* self, PyObject*) { return PyFloat_FromDouble(fields_of(self).when); }

PyObject* get_callback(PyObject* self, void*) {
  HandleFields& fields = fields_of(self);
  return or_none(fields.cancelled ? nullptr : fields.callback);
}
PyObject* get_args(PyObject* self, void*) {
  HandleFields& fields = fields_of(self);
  if (fields.cancelled) Py_RETURN_NONE;
  return args_tuple(fields).release();
}
PyObject* get_cancelled(PyObject* self, void*) { return PyBool_FromLong(fields_of(self).cancelled); }
PyObject* get_loop(PyObject* self, void*) { return or_none(fields_of(self).loop); }
PyObject* get_context(PyObject* self, void*) { return or_none(fields_of(self).context); }
PyObject* get_repr(PyObject* self, void*) { return or_none(fields_of(self).repr); }
PyObject* get_source_traceback(PyObject* self, void*) { return or_none(fields_of(self).source_traceback); }
PyObject* get_when(PyObject* self, void*) { return PyFloat_FromDouble(fields_of(self).when); }
PyObject* get_scheduled(PyObject* self, void*) { return PyBool_FromLong(fields_of(self).scheduled); }

int set_source_traceback(PyObject* self, PyObject* value, void*) {
  Py_XSETREF(fields_of(self).source_traceback, value == nullptr || value == Py_None ? nullptr : Py_NewRef(value));
  return 0;
}

PyMethodDef handle_methods[] = {
    {"cancel", handle_cancel, METH_NOARGS, "Never run the callback; drop it and its arguments."},
    {"cancelled", handle_is_cancelled, METH_NOARGS, "True after cancel()."},
    {"get_context", handle_get_context, METH_NOARGS, "The contextvars.Context the callback runs in."},
    {"_run", handle_run, METH_NOARGS, "Call the callback now; exceptions go to the loop's handler."},
    {nullptr, nullptr, 0, nullptr}};

PyMethodDef timer_methods[] = {
    {"cancel", handle_cancel, METH_NOARGS, "Never run the callback; drop it and its arguments."},
    {"cancelled", handle_is_cancelled, METH_NOARGS, "True after cancel()."},
    {"get_context", handle_get_context, METH_NOARGS, "The contextvars.Context the callback runs in."},
    {"_run", handle_run, METH_NOARGS, "Call the callback now; exceptions go to the loop's handler."},
    {"when", timer_when, METH_NOARGS, "The deadline on the clock of loop.time(), in seconds."},
    {nullptr, nullptr, 0, nullptr}};

// These hide the slots of the base, which inherited code reads.
PyGetSetDef handle_getset[] = {{"_callback", get_callback, nullptr, nullptr, nullptr},
                               {"_args", get_args, nullptr, nullptr, nullptr},
                               {"_cancelled", get_cancelled, nullptr, nullptr, nullptr},
                               {"_loop", get_loop, nullptr, nullptr, nullptr},
                               {"_context", get_context, nullptr, nullptr, nullptr},
                               {"_repr", get_repr, nullptr, nullptr, nullptr},
                               {"_source_traceback", get_source_traceback, set_source_traceback, nullptr, nullptr},
                               {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyGetSetDef timer_getset[] = {{"_callback", get_callback, nullptr, nullptr, nullptr},
                              {"_args", get_args, nullptr, nullptr, nullptr},
                              {"_cancelled", get_cancelled, nullptr, nullptr, nullptr},
                              {"_loop", get_loop, nullptr, nullptr, nullptr},
                              {"_context", get_context, nullptr, nullptr, nullptr},
                              {"_repr", get_repr, nullptr, nullptr, nullptr},
                              {"_source_traceback", get_source_traceback, set_source_traceback, nullptr, nullptr},
                              {"_when", get_when, nullptr, nullptr, nullptr},
                              {"_scheduled", get_scheduled, nullptr, nullptr, nullptr},
                              {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyTypeObject* make_type(const char* name, PyObject* base, PyMethodDef* methods, PyGetSetDef* getset) {
  PyType_Slot slots[] = {{Py_tp_methods, methods},
                         {Py_tp_getset, getset},
                         {Py_tp_traverse, reinterpret_cast<void*>(handle_traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(handle_clear)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(dealloc_by_turns<destroy>)},
                         {0, nullptr}};
  PyType_Spec spec = {name, static_cast<int>(fields_offset + static_cast<Py_ssize_t>(sizeof(HandleFields))), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpecWithBases(&spec, base));
}

}  // namespace

PyObject* new_handle(PyObject* loop, PyObject* callback, PyObject* const* args, Py_ssize_t nargs, PyObject* context,
                     Collector collector) {
  PyObject* object = allocate(handle_type, collector);
  if (object == nullptr) return nullptr;
  if (!start(object, loop, callback, args, nargs, context)) {
    Py_DECREF(object);
    return nullptr;
  }
  return object;
}

PyObject* new_timer_handle(PyObject* loop, double when, PyObject* callback, PyObject* const* args, Py_ssize_t nargs,
                           PyObject* context) {
  PyObject* object = allocate(timer_type, Collector::kShown);
  if (object == nullptr) return nullptr;
  if (!start(object, loop, callback, args, nargs, context)) {
    Py_DECREF(object);
    return nullptr;
  }
  HandleFields& fields = fields_of(object);
  fields.when = when;
  fields.scheduled = true;
  return object;
}

HandleFields* handle_fields(PyObject* handle) noexcept {
  return Py_IS_TYPE(handle, handle_type) || Py_IS_TYPE(handle, timer_type) ? &fields_of(handle) : nullptr;
}

void show_to_collector(PyObject* handle) noexcept {
  if (PyObject_GC_IsTracked(handle) == 0) PyObject_GC_Track(handle);
}

void release_handle(PyObject* handle) noexcept {
  if (Py_REFCNT(handle) > 1) show_to_collector(handle);
  Py_DECREF(handle);
}

void cancel_handle(PyObject* handle) noexcept {
  HandleFields* fields = handle_fields(handle);
  if (fields == nullptr) {
    PyRef result = PyRef::steal(PyObject_CallMethodNoArgs(handle, name_cancel));
    if (!result) PyErr_WriteUnraisable(handle);
    return;
  }
  if (fields->cancelled) return;
  if (fields->loop != nullptr) {
    LoopState& state = LoopState::of(fields->loop);
    fields->cancelled = true;
    if (state.debug) {
      // What the handle was can be seen later, as in the slow callback warning.
      fields->cancelled = false;
      PyObject* text = PyObject_Repr(handle);
      fields->cancelled = true;
      if (text == nullptr) PyErr_Clear();
      Py_XSETREF(fields->repr, text);
    }
    if (fields->scheduled) state.timer_cancelled(handle);
  }
  fields->cancelled = true;
  if (!fields->running) drop_call(*fields);
}

bool handle_cancelled(PyObject* handle) noexcept {
  if (const HandleFields* fields = handle_fields(handle)) return fields->cancelled;
  PyRef value = PyRef::steal(PyObject_GetAttr(handle, name_cancelled));
  if (!value) {
    PyErr_Clear();
    return false;
  }
  return PyObject_IsTrue(value.get()) == 1;
}

bool run_handle(PyObject* handle) {
  if (HandleFields* fields = handle_fields(handle)) return run_native(handle, *fields);
  return static_cast<bool>(PyRef::steal(PyObject_CallMethodNoArgs(handle, name_run)));
}

int register_handles(PyObject* module) {
  PyRef events = PyRef::steal(PyImport_ImportModule("asyncio.events"));
  PyRef helpers = PyRef::steal(PyImport_ImportModule("asyncio.format_helpers"));
  if (!events || !helpers) return -1;
  PyRef handle_base = PyRef::steal(PyObject_GetAttrString(events.get(), "Handle"));
  PyRef timer_base = PyRef::steal(PyObject_GetAttrString(events.get(), "TimerHandle"));
  extract_stack = PyObject_GetAttrString(helpers.get(), "extract_stack");
  name_cancelled = PyUnicode_InternFromString("_cancelled");
  name_cancel = PyUnicode_InternFromString("cancel");
  name_run = PyUnicode_InternFromString("_run");
  name_callback_failed = PyUnicode_InternFromString("_callback_failed");
  if (!handle_base || !timer_base || extract_stack == nullptr || name_cancelled == nullptr || name_cancel == nullptr ||
      name_run == nullptr || name_callback_failed == nullptr) {
    return -1;
  }

  const auto* handle_base_type = reinterpret_cast<PyTypeObject*>(handle_base.get());
  const auto* timer_base_type = reinterpret_cast<PyTypeObject*>(timer_base.get());
  constexpr Py_ssize_t kAlign = alignof(HandleFields);
  const Py_ssize_t base_size = std::max(handle_base_type->tp_basicsize, timer_base_type->tp_basicsize);
  fields_offset = (base_size + kAlign - 1) / kAlign * kAlign;
  handle_type = make_type("data_bridge._core.Handle", handle_base.get(), handle_methods, handle_getset);
  if (handle_type == nullptr) return -1;
  timer_type = make_type("data_bridge._core.TimerHandle", timer_base.get(), timer_methods, timer_getset);
  if (timer_type == nullptr) return -1;
  weaklist_offset = handle_type->tp_weaklistoffset;
  // Since 3.12 it lies before the object (negative), and the base's flags have it allocated.
  if (weaklist_offset == 0 || timer_type->tp_weaklistoffset != weaklist_offset ||
      (weaklist_offset < 0 && !has_preheader(handle_type))) {
    PyErr_SetString(PyExc_ImportError, "asyncio.Handle has another layout than data_bridge was built for");
    return -1;
  }
  if (PyModule_AddObjectRef(module, "Handle", reinterpret_cast<PyObject*>(handle_type)) < 0) return -1;
  return PyModule_AddObjectRef(module, "TimerHandle", reinterpret_cast<PyObject*>(timer_type));
}

}  // namespace data_bridge::pyloop
