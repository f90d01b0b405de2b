// Adds the loop's types and functions to the extension module.
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

#include "pyloop/adopted_coroutine.hpp"
#include "pyloop/datagram_transport.hpp"
#include "pyloop/handle.hpp"
#include "pyloop/handler_task.hpp"
#include "pyloop/handler_task_type.hpp"
#include "pyloop/loop_futures.hpp"
#include "pyloop/loop_type.hpp"
#include "pyloop/stream_transport.hpp"
#include "pyloop/thread_pool.hpp"

namespace data_bridge::pyloop {

namespace {

// A Completion that calls a Python function, once, and is gone.
class CallbackCompletion final : public Completion {
 public:
  /// `task` must live until drive() returns.
  CallbackCompletion(PyObject* callback, PyRef& task) noexcept : callback_(PyRef::borrow(callback)), task_(&task) {}

  void done(PyObject* result, PyObject* exception) noexcept override {
    PyObject* argv[] = {result != nullptr ? result : Py_None, exception != nullptr ? exception : Py_None};
    const PyRef answer = PyRef::steal(PyObject_Vectorcall(callback_.get(), argv, 2, nullptr));
    if (!answer) PyErr_WriteUnraisable(callback_.get());
    delete this;
  }
  void suspended(PyObject* /*loop*/, PyRef task) noexcept override { *task_ = std::move(task); }

 private:
  PyRef callback_;
  PyRef* task_;
};

PyObject* drive_function(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs != 3) return PyErr_Format(PyExc_TypeError, "drive() takes 3 arguments: loop, coroutine, on_done");
  PyRef task;
  auto* completion = new (std::nothrow) CallbackCompletion(args[2], task);
  if (completion == nullptr) return PyErr_NoMemory();
  if (!drive(args[0], args[1], *completion)) {
    delete completion;
    return nullptr;
  }
  if (PyRef exception = LoopState::of(args[0]).take_leaving()) {
    // Called from Python, it can leave at once, as a Task's step does.
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception.get());
    return nullptr;
  }
  return task ? task.release() : Py_NewRef(Py_None);
}

// glibc maps a block above its threshold (128 KiB at first) afresh each time, and gives a free top of the heap back to
// the kernel; it raises both limits when such a block is freed. asyncio's receive buffers of 256 KiB are shrunk before
// they are freed, so that it never learns: 40 us instead of 10 us for a datagram of 1 KiB. One block teaches it.
void raise_malloc_thresholds() noexcept {
  constexpr std::size_t kBlock = 1 << 20;
  void* volatile block = std::malloc(kBlock);
  std::free(block);
}

PyMethodDef functions[] = {
    {"drive", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(drive_function)), METH_FASTCALL,
     "drive(loop, coroutine, on_done, /)\n--\n\n"
     "Step `coroutine` at once on the running PyLoop `loop`. on_done(result, exception) is called once, perhaps\n"
     "before this returns. The HandlerTask where the coroutine has suspended, else None."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

int register_handler_task(PyObject* module) {
  if (register_adopted_coroutine() < 0 || register_handler_task_type(module) < 0 || register_driving() < 0) return -1;
  return PyModule_AddFunctions(module, functions);
}

int register_pyloop(PyObject* module) {
  raise_malloc_thresholds();
  if (register_mailbox() < 0 || register_futures() < 0 || register_handles(module) < 0 ||
      register_loop_type(module) < 0 || register_stream_transport(module) < 0 ||
      register_datagram_transport(module) < 0 || register_thread_pool(module) < 0) {
    return -1;
  }
  return register_handler_task(module);
}

}  // namespace data_bridge::pyloop
