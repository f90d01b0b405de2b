// Requests that the server refused by itself, told to Python's log.
#include "bridge/server/refusal_report.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

void RefusalReport::on_refused(int status) noexcept {
  collect([status](Refused& refused) {
    if (refused.count < Refused::kMost) {
      refused.statuses[refused.count++] = status;
    } else {
      ++refused.more;
    }
    return true;
  });
}

void RefusalReport::tell(const Refused& refused) noexcept {
  PyObject* const report = app().hooks.report_refused.get();
  if (report == nullptr) return;  // the server is over
  PyRef statuses = PyRef::steal(PyList_New(static_cast<Py_ssize_t>(refused.count)));
  for (std::size_t i = 0; statuses && i < refused.count; ++i) {
    PyObject* const status = PyLong_FromLong(refused.statuses[i]);
    if (status == nullptr) {
      statuses.reset();
    } else {
      PyList_SET_ITEM(statuses.get(), static_cast<Py_ssize_t>(i), status);
    }
  }
  PyRef more = PyRef::steal(PyLong_FromSize_t(refused.more));
  PyRef done = PyRef::steal(statuses && more ? PyObject_CallFunctionObjArgs(report, statuses.get(), more.get(), nullptr)
                                             : nullptr);
  if (!done) PyErr_WriteUnraisable(report);
}

}  // namespace data_bridge::bridge
