// Futures of the tasks that wait for a request's next event.
#include "bridge/asgi/waiters.hpp"

#include <algorithm>
#include <utility>

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

struct Names {
  PyObject* create_future = PyUnicode_InternFromString("create_future");
  PyObject* set_result = PyUnicode_InternFromString("set_result");
  PyObject* done = PyUnicode_InternFromString("done");
};

const Names& names() {
  static const Names instance;
  return instance;
}

bool is_done(PyObject* future) noexcept {
  const PyRef done = PyRef::steal(PyObject_CallMethodNoArgs(future, names().done));
  if (!done) PyErr_WriteUnraisable(future);
  return done.get() != Py_False;
}

}  // namespace

PyRef Waiters::add(PyObject* loop) {
  PyRef future = PyRef::steal(PyObject_CallMethodNoArgs(loop, names().create_future));
  if (!future) return {};
  if (futures_.size() >= tidy_at_) forget_done();
  futures_.push_back(PyRef::borrow(future.get()));
  return future;
}

void Waiters::forget_done() {
  // Taken out first: what is dropped may run Python code, which may come here again.
  std::vector<PyRef> all = std::exchange(futures_, {});
  std::vector<PyRef> dropped;
  for (PyRef& future : all) (is_done(future.get()) ? dropped : futures_).push_back(std::move(future));
  tidy_at_ = std::max(kFewest, 2 * futures_.size());
}

void Waiters::wake() noexcept {
  if (futures_.empty()) return;
  const std::vector<PyRef> all = std::exchange(futures_, {});
  tidy_at_ = kFewest;
  for (const PyRef& future : all) {
    if (is_done(future.get())) continue;
    if (!PyRef::steal(PyObject_CallMethodOneArg(future.get(), names().set_result, Py_None))) {
      PyErr_WriteUnraisable(future.get());
    }
  }
}

int Waiters::traverse(visitproc visit, void* arg) const {
  for (const PyRef& future : futures_) Py_VISIT(future.get());
  return 0;
}

void Waiters::clear() noexcept { const std::vector<PyRef> dropped = std::exchange(futures_, {}); }

}  // namespace data_bridge::bridge
