// Requests that the server refused by itself, told to Python's log.
#include "bridge/server/refusal_report.hpp"

#include <utility>

namespace data_bridge::bridge {

using pyloop::PyRef;

void RefusalReport::on_refused(int status) noexcept {
  {
    const std::scoped_lock lock(mutex_);
    if (refused_.count < kMost) {
      refused_.statuses[refused_.count++] = status;
    } else {
      ++refused_.more;
    }
    if (queued_ != nullptr) return;
    queued_ = shared_from_this();
  }
  if (!app_->mailbox->post(*this)) drop();
}

void RefusalReport::run() noexcept {
  std::shared_ptr<RefusalReport> keep;
  Refused refused;
  {
    const std::scoped_lock lock(mutex_);
    keep = std::move(queued_);
    refused = std::exchange(refused_, {});
  }
  PyObject* const report = app_->hooks.report_refused.get();
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

void RefusalReport::drop() noexcept {
  std::shared_ptr<RefusalReport> keep;
  const std::scoped_lock lock(mutex_);
  keep = std::move(queued_);
}

}  // namespace data_bridge::bridge
