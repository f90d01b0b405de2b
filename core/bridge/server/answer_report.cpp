// Answers that were given without Python, told to Python's access log.
#include "bridge/server/answer_report.hpp"

#include <new>
#include <utility>

namespace data_bridge::bridge {

using pyloop::PyRef;

void AnswerReport::on_answered(const http::Answered& answered) noexcept {
  app_->counters.answered.fetch_add(1, std::memory_order_relaxed);
  const bool by_python = app_->access_by_python.load(std::memory_order_relaxed) ||
                         (!answered.forwarded_for.empty() && app_->access_on.load(std::memory_order_relaxed));
  if (answered.reported || answered.upgrade || !by_python) return;
  {
    const std::scoped_lock lock(mutex_);
    if (lines_.size() >= kMost) {
      ++dropped_;
      return;
    }
    try {
      lines_.push_back({.host = std::string(answered.client_host),
                        .port = answered.client_port,
                        .method = std::string(answered.method),
                        .target = std::string(answered.target),
                        .version = answered.version == http::Version::kHttp11 ? "1.1" : "1.0",
                        .status = answered.status,
                        .forwarded_for = std::string(answered.forwarded_for)});
    } catch (const std::bad_alloc&) {
      ++dropped_;
      return;
    }
    if (queued_ != nullptr) return;
    queued_ = shared_from_this();
  }
  if (!app_->mailbox->post(*this)) drop();
}

void AnswerReport::run() noexcept {
  std::shared_ptr<AnswerReport> keep;
  std::vector<Line> lines;
  std::size_t dropped = 0;
  {
    const std::scoped_lock lock(mutex_);
    keep = std::move(queued_);
    lines.swap(lines_);
    dropped = std::exchange(dropped_, 0);
  }
  PyObject* const report = app_->hooks.report_answers.get();
  if (report != nullptr && !tell(lines, dropped)) PyErr_WriteUnraisable(report);
}

bool AnswerReport::tell(const std::vector<Line>& lines, std::size_t dropped) {
  const PyRef list = PyRef::steal(PyList_New(0));
  if (!list) return false;
  for (const Line& line : lines) {
    // What the parser lets through of a target is ASCII.
    const PyRef entry = PyRef::steal(
        Py_BuildValue("(s#is#s#sis#)", line.host.data(), static_cast<Py_ssize_t>(line.host.size()), int{line.port},
                      line.method.data(), static_cast<Py_ssize_t>(line.method.size()), line.target.data(),
                      static_cast<Py_ssize_t>(line.target.size()), line.version, line.status, line.forwarded_for.data(),
                      static_cast<Py_ssize_t>(line.forwarded_for.size())));
    if (!entry || PyList_Append(list.get(), entry.get()) != 0) return false;
  }
  const PyRef count = PyRef::steal(PyLong_FromSize_t(dropped));
  return count &&
         PyRef::steal(PyObject_CallFunctionObjArgs(app_->hooks.report_answers.get(), list.get(), count.get(), nullptr));
}

void AnswerReport::drop() noexcept {
  std::shared_ptr<AnswerReport> keep;
  const std::scoped_lock lock(mutex_);
  keep = std::move(queued_);
}

}  // namespace data_bridge::bridge
