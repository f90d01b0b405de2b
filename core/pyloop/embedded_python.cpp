// The interpreter of the embedded tests, and their main().
#include "pyloop/embedded_python.hpp"

#include <gtest/gtest.h>

namespace data_bridge::pyloop::testing {

namespace {

PyThreadState* main_thread = nullptr;
PyObject* names = nullptr;

PyModuleDef core_definition = {
    PyModuleDef_HEAD_INIT, "data_bridge._core", nullptr, -1, nullptr, nullptr, nullptr, nullptr, nullptr};

PyObject* init_core() {
  PyObject* module = PyModule_Create(&core_definition);
  if (module != nullptr && register_pyloop(module) < 0) Py_CLEAR(module);
  return module;
}

// The package without its __init__, which needs the whole of _core and FastAPI.
constexpr const char* kImportLoop = R"(
import asyncio, gc, sys, types
import _data_bridge_core
package = types.ModuleType("data_bridge")
package.__path__ = [PACKAGE]
package._core = sys.modules["data_bridge._core"] = _data_bridge_core
sys.modules["data_bridge"] = package
from data_bridge.loop import PyLoop
)";

}  // namespace

bool start_python() {
  PyImport_AppendInittab("_data_bridge_core", init_core);
  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  config.install_signal_handlers = 0;
  PyStatus status = PyConfig_SetBytesString(&config, &config.program_name, TEST_PYTHON);
  if (PyStatus_Exception(status) == 0) status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status) != 0) return false;
  names = PyModule_GetDict(PyImport_AddModule("__main__"));
  const PyRef package = PyRef::steal(PyUnicode_FromString(TEST_PACKAGE));
  bool good = package && PyDict_SetItemString(names, "PACKAGE", package.get()) == 0 &&
              PyRef::steal(PyRun_String(kImportLoop, Py_file_input, names, names));
  if (!good) PyErr_Print();
  main_thread = PyEval_SaveThread();
  return good;
}

void stop_python() {
  PyEval_RestoreThread(main_thread);
  EXPECT_EQ(Py_FinalizeEx(), 0);
}

void run_python(const char* source) {
  const PyRef done = PyRef::steal(PyRun_String(source, Py_file_input, names, names));
  if (!done) {
    PyErr_Print();
    ADD_FAILURE() << "the Python code failed:\n" << source;
  }
}

PyRef evaluate(const char* expression) {
  PyRef value = PyRef::steal(PyRun_String(expression, Py_eval_input, names, names));
  if (!value) {
    PyErr_Print();
    ADD_FAILURE() << "the Python expression failed: " << expression;
  }
  return value;
}

long evaluate_long(const char* expression) {
  const PyRef value = evaluate(expression);
  return value ? PyLong_AsLong(value.get()) : -1;
}

LoopThread::LoopThread(bool run) {
  {
    const GilGuard gil;
    PyRef loop = evaluate("PyLoop()");
    core_ = LoopCore::from_object(loop.get());
    mailbox_ = core_->mailbox();
    loop_ = SharedObject(std::move(loop), mailbox_);
  }
  if (run) start();
}

void LoopThread::start() {
  thread_ = std::thread([this] {
    const GilGuard gil;
    const PyRef done = PyRef::steal(PyObject_CallMethod(loop_.get(), "run_forever", nullptr));
    if (!done) PyErr_Clear();
  });
}

void LoopThread::stop() {
  if (!loop_) return;
  if (thread_.joinable()) {
    {
      const GilGuard gil;
      const PyRef stop = PyRef::steal(PyObject_GetAttrString(loop_.get(), "stop"));
      const PyRef done = PyRef::steal(PyObject_CallMethod(loop_.get(), "call_soon_threadsafe", "O", stop.get()));
      EXPECT_TRUE(done);
    }
    thread_.join();
  }
  const GilGuard gil;
  EXPECT_TRUE(PyRef::steal(PyObject_CallMethod(loop_.get(), "close", nullptr)));
  loop_ = {};
  PyGC_Collect();
}

SharedObject LoopThread::function(const char* name) const {
  const GilGuard gil;
  return {evaluate(name), mailbox_};
}

}  // namespace data_bridge::pyloop::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (!data_bridge::pyloop::testing::start_python()) return 1;
  const int result = RUN_ALL_TESTS();
  data_bridge::pyloop::testing::stop_python();
  return result;
}
