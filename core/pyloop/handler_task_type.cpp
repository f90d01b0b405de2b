// HandlerTask's methods and attributes: each makes a real Task first where an uninitialised one would crash or lie.
//
// Uninitialised, _asyncio.Task answers done(), cancelled(), cancelling(), uncancel(), hash() and weak references as
// a task that has just started. get_coro() dereferences null on 3.11 and 3.12, get_context() on 3.12 and 3.13;
// cancel() returns True and does nothing; the rest raises or gives None.
#include "pyloop/handler_task_type.hpp"

#include <array>
#include <cstddef>
#include <utility>

#include "pyloop/adopted_coroutine.hpp"
#include "pyloop/py_error.hpp"
#include "pyloop/trashcan.hpp"

namespace data_bridge::pyloop {

namespace {

PyTypeObject* base_type = nullptr;
PyTypeObject* handler_type = nullptr;
Py_ssize_t fields_offset = 0;
PyObject* init_names = nullptr;  // ("loop", "context")
PyObject* base_init = nullptr;
PyObject* iscoroutine = nullptr;
#if PY_VERSION_HEX >= 0x030E0000
PyObject* unregister_task = nullptr;
#endif
PyObject* cancelled_error_type = nullptr;
// The last one that never became a task serves the next request: no allocation, nothing to clear.
PyObject* spare = nullptr;

constexpr std::array kMethods = {
    "add_done_callback", "remove_done_callback", "cancel", "get_name",  "set_name",
    "get_stack",         "print_stack",          "result", "exception", "_make_cancelled_error"};
constexpr std::array kAttributes = {
    "_state",          "_callbacks",        "_result",     "_exception",           "_log_traceback",
    "_cancel_message", "_source_traceback", "_fut_waiter", "_log_destroy_pending", "_asyncio_future_blocking"};
std::array<PyObject*, kMethods.size()> base_methods;
std::array<PyObject*, kAttributes.size()> base_attributes;

PyObject* weak_references(PyObject* self) noexcept {
  return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(self) + handler_type->tp_weaklistoffset);
}

// Null where no attribute was ever set. From 3.13 the pointer lies before the object, where only this finds it.
PyObject* dictionary(PyObject* self) noexcept { return *_PyObject_GetDictPtr(self); }

// --- materialise, then do what Task does ------------------------------------------------------------------

template <std::size_t Index>
PyObject* forward(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (!materialise(self)) return nullptr;
  const Py_ssize_t total = nargs + (kwnames == nullptr ? 0 : PyTuple_GET_SIZE(kwnames));
  std::array<PyObject*, 8> stack{};
  if (total >= static_cast<Py_ssize_t>(stack.size())) return PyErr_Format(PyExc_TypeError, "too many arguments");
  stack[0] = self;
  for (Py_ssize_t i = 0; i < total; ++i) stack[static_cast<std::size_t>(i) + 1] = args[i];
  return PyObject_Vectorcall(base_methods[Index], stack.data(), static_cast<std::size_t>(nargs) + 1, kwnames);
}

template <std::size_t Index>
PyObject* get_attribute(PyObject* self, void*) {
  if (!materialise(self)) return nullptr;
  PyObject* descriptor = base_attributes[Index];
  return Py_TYPE(descriptor)->tp_descr_get(descriptor, self, reinterpret_cast<PyObject*>(Py_TYPE(self)));
}

template <std::size_t Index>
int set_attribute(PyObject* self, PyObject* value, void*) {
  if (!materialise(self)) return -1;
  PyObject* descriptor = base_attributes[Index];
  return Py_TYPE(descriptor)->tp_descr_set(descriptor, self, value);
}

// _fut_waiter is None before the first suspension, and asyncio asks for it often.
PyObject* get_fut_waiter(PyObject* self, void*) {
  if (!handler_task_fields(self).is_task) Py_RETURN_NONE;
  constexpr std::size_t kFutWaiter = 7;
  static_assert(std::string_view(kAttributes[kFutWaiter]) == "_fut_waiter");
  return get_attribute<kFutWaiter>(self, nullptr);
}

PyObject* get_repr(PyObject* self) { return materialise(self) ? base_type->tp_repr(self) : nullptr; }
PyObject* get_await(PyObject* self) { return materialise(self) ? base_type->tp_as_async->am_await(self) : nullptr; }

// --- known without a Task ----------------------------------------------------------------------------------

PyObject* or_none(PyObject* object) noexcept { return Py_NewRef(object != nullptr ? object : Py_None); }

PyObject* get_loop(PyObject* self, PyObject*) { return or_none(handler_task_fields(self).loop); }
PyObject* get_coro(PyObject* self, PyObject*) { return or_none(handler_task_fields(self).coroutine); }
PyObject* get_context(PyObject* self, PyObject*) { return or_none(handler_task_fields(self).context); }
PyObject* loop_attribute(PyObject* self, void*) { return or_none(handler_task_fields(self).loop); }
PyObject* coro_attribute(PyObject* self, void*) { return or_none(handler_task_fields(self).coroutine); }

// --- life --------------------------------------------------------------------------------------------------

int traverse(PyObject* self, visitproc visit, void* arg) {
#if PY_VERSION_HEX < 0x030C0000
  Py_VISIT(Py_TYPE(self));  // later Task's own traverse does it
#endif
  const HandlerTaskFields& fields = handler_task_fields(self);
  Py_VISIT(fields.loop);
  Py_VISIT(fields.coroutine);
  Py_VISIT(fields.context);
  Py_VISIT(fields.adopted);
  Py_VISIT(fields.step);
  return base_type->tp_traverse(self, visit, arg);
}

void clear_fields(PyObject* self) noexcept {
  HandlerTaskFields& fields = handler_task_fields(self);
  Py_CLEAR(fields.coroutine);
  Py_CLEAR(fields.context);
  Py_CLEAR(fields.adopted);
  Py_CLEAR(fields.step);
  Py_CLEAR(fields.loop);
}

int clear(PyObject* self) {
  clear_fields(self);
  return base_type->tp_clear(self);
}

// The part that runs Python code with `self` alive. False where that has kept it.
bool finalise(PyObject* self) {
  // "Task was destroyed but it is pending!"; an uninitialised one has nothing to say.
  if (!handler_task_fields(self).is_task) return true;
  PyObject_GC_Track(self);  // as subtype_dealloc() does: it may be brought back to life
  if (PyObject_CallFinalizerFromDealloc(self) < 0) return false;
  PyObject_GC_UnTrack(self);
#if PY_VERSION_HEX >= 0x030E0000
  // Since 3.14 a task is a node of its thread's list, which TaskObj_dealloc takes it out of.
  Py_SET_REFCNT(self, 1);
  const PyRef done = PyRef::steal(PyObject_CallOneArg(unregister_task, self));
  if (!done) PyErr_WriteUnraisable(nullptr);
  Py_SET_REFCNT(self, 0);
#endif
  return true;
}

// Nobody will ever finish the task: its completion hears that it was cancelled.
void complete_cancelled(HandlerTaskFields& fields) {
  Completion* completion = std::exchange(fields.completion, nullptr);
  if (completion == nullptr && fields.adopted != nullptr) completion = take_containing(fields.adopted);
  if (completion == nullptr) return;
  PyRef pending = take_exception();
  const PyRef error = PyRef::steal(PyObject_CallNoArgs(cancelled_error_type));
  completion->done(nullptr, error ? error.get() : PyExc_MemoryError);
  if (pending) raise_exception(std::move(pending));
}

void destroy(PyObject* self) {
  if (!finalise(self)) return;
  complete_cancelled(handler_task_fields(self));
  if (weak_references(self) != nullptr) PyObject_ClearWeakRefs(self);
  clear(self);
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

template <std::size_t... Index>
std::array<PyMethodDef, sizeof...(Index) + 4> make_methods(std::index_sequence<Index...>) {
  return {PyMethodDef{kMethods[Index], reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(forward<Index>)),
                      METH_FASTCALL | METH_KEYWORDS, nullptr}...,
          PyMethodDef{"get_loop", get_loop, METH_NOARGS, nullptr},
          PyMethodDef{"get_coro", get_coro, METH_NOARGS, nullptr},
          PyMethodDef{"get_context", get_context, METH_NOARGS, nullptr}, PyMethodDef{nullptr, nullptr, 0, nullptr}};
}

template <std::size_t... Index>
std::array<PyGetSetDef, sizeof...(Index) + 3> make_attributes(std::index_sequence<Index...>) {
  return {PyGetSetDef{kAttributes[Index],
                      std::string_view(kAttributes[Index]) == "_fut_waiter" ? get_fut_waiter : get_attribute<Index>,
                      set_attribute<Index>, nullptr, nullptr}...,
          PyGetSetDef{"_loop", loop_attribute, nullptr, nullptr, nullptr},
          PyGetSetDef{"_coro", coro_attribute, nullptr, nullptr, nullptr},
          PyGetSetDef{nullptr, nullptr, nullptr, nullptr, nullptr}};
}

}  // namespace

bool is_handler_task(PyObject* object) noexcept { return Py_TYPE(object) == handler_type; }

HandlerTaskFields& handler_task_fields(PyObject* self) noexcept {
  return *reinterpret_cast<HandlerTaskFields*>(reinterpret_cast<char*>(self) + fields_offset);
}

PyRef new_handler_task() noexcept {
  if (spare != nullptr && Py_REFCNT(spare) == 1) return PyRef::steal(std::exchange(spare, nullptr));
  return PyRef::steal(handler_type->tp_alloc(handler_type, 0));
}

void retire_handler_task(PyRef task) noexcept {
  clear_fields(task.get());
  // A weak reference or an attribute would show the next request who had it before.
  if (spare == nullptr && Py_REFCNT(task.get()) == 1 && weak_references(task.get()) == nullptr &&
      dictionary(task.get()) == nullptr) {
    spare = task.release();
  }
}

bool initialise_task(PyObject* self, PyObject* coroutine, PyObject* loop, PyObject* context) {
  PyObject* argv[] = {self, coroutine, loop, context};
  return static_cast<bool>(PyRef::steal(PyObject_Vectorcall(base_init, argv, 2, init_names)));
}

PyObject* cancelled_error() noexcept { return cancelled_error_type; }

bool is_coroutine(PyObject* object) {
  // Of the type that was asked about last, as asyncio itself remembers what it has found.
  static PyObject* accepted = nullptr;
  auto* const type = reinterpret_cast<PyObject*>(Py_TYPE(object));
  if (accepted == type) return true;
  const PyRef answer = PyRef::steal(PyObject_CallOneArg(iscoroutine, object));
  const int truth = answer ? PyObject_IsTrue(answer.get()) : -1;
  if (truth == 0) PyErr_Format(PyExc_TypeError, "a coroutine was expected, got %R", object);
  if (truth == 1) Py_XSETREF(accepted, Py_NewRef(type));
  return truth == 1;
}

int register_handler_task_type(PyObject* module) {
  PyRef asyncio_c = PyRef::steal(PyImport_ImportModule("_asyncio"));
  PyRef coroutines = PyRef::steal(PyImport_ImportModule("asyncio.coroutines"));
  PyRef exceptions = PyRef::steal(PyImport_ImportModule("asyncio.exceptions"));
  if (!asyncio_c || !coroutines || !exceptions) return -1;
  PyRef base = PyRef::steal(PyObject_GetAttrString(asyncio_c.get(), "Task"));
  iscoroutine = PyObject_GetAttrString(coroutines.get(), "iscoroutine");
  cancelled_error_type = PyObject_GetAttrString(exceptions.get(), "CancelledError");
  init_names = Py_BuildValue("(ss)", "loop", "context");
#if PY_VERSION_HEX >= 0x030E0000
  unregister_task = PyObject_GetAttrString(asyncio_c.get(), "_unregister_task");
  if (unregister_task == nullptr) return -1;
#endif
  if (!base || iscoroutine == nullptr || cancelled_error_type == nullptr || init_names == nullptr) return -1;
  base_init = PyObject_GetAttrString(base.get(), "__init__");
  if (base_init == nullptr) return -1;
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    base_methods[i] = PyObject_GetAttrString(base.get(), kMethods[i]);
    if (base_methods[i] == nullptr) return -1;
  }
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    base_attributes[i] = PyObject_GetAttrString(base.get(), kAttributes[i]);
    if (base_attributes[i] == nullptr) return -1;
  }

  base_type = reinterpret_cast<PyTypeObject*>(base.release());
  constexpr Py_ssize_t kAlign = alignof(HandlerTaskFields);
  fields_offset = (base_type->tp_basicsize + kAlign - 1) / kAlign * kAlign;
  // Both outlive the type, which keeps pointers into them.
  static auto methods = make_methods(std::make_index_sequence<kMethods.size()>());
  static auto attributes = make_attributes(std::make_index_sequence<kAttributes.size()>());
  PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("The task of a coroutine that native code drives.")},
                         {Py_tp_repr, reinterpret_cast<void*>(get_repr)},
                         {Py_am_await, reinterpret_cast<void*>(get_await)},
                         {Py_tp_iter, reinterpret_cast<void*>(get_await)},
                         {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(clear)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(dealloc_by_turns<destroy>)},
                         {Py_tp_methods, methods.data()},
                         {Py_tp_getset, attributes.data()},
                         {0, nullptr}};
  PyType_Spec spec = {"data_bridge._core.HandlerTask",
                      static_cast<int>(fields_offset + static_cast<Py_ssize_t>(sizeof(HandlerTaskFields))), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  PyObject* type = PyType_FromSpecWithBases(&spec, reinterpret_cast<PyObject*>(base_type));
  if (type == nullptr) return -1;
  handler_type = reinterpret_cast<PyTypeObject*>(type);
  if (handler_type->tp_weaklistoffset == 0 || handler_type->tp_dictoffset == 0) {
    PyErr_SetString(PyExc_ImportError, "_asyncio.Task has another layout than data_bridge was built for");
    return -1;
  }
  return PyModule_AddObjectRef(module, "HandlerTask", type);
}

}  // namespace data_bridge::pyloop
