// Answers that were given without Python, told to Python's access log.
#include "bridge/server/answer_report.hpp"

#include <new>
#include <string_view>

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

/// What the parser lets through of a target is ASCII; of a field's value, any byte, which is read as uvicorn reads it.
PyObject* str(std::string_view text) {
  return PyUnicode_DecodeLatin1(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr);
}

bool call(PyObject* report, const AnswerLines& collected) {
  const PyRef list = PyRef::steal(PyList_New(0));
  if (!list) return false;
  for (const AnswerLines::Line& line : collected.lines) {
    const PyRef entry =
        PyRef::steal(Py_BuildValue("(NiNNsiN)", str(line.host), int{line.port}, str(line.method), str(line.target),
                                   line.version, line.status, str(line.forwarded_for)));
    if (!entry || PyList_Append(list.get(), entry.get()) != 0) return false;
  }
  const PyRef count = PyRef::steal(PyLong_FromSize_t(collected.dropped));
  return count && PyRef::steal(PyObject_CallFunctionObjArgs(report, list.get(), count.get(), nullptr));
}

}  // namespace

void AnswerReport::on_answered(const http::Answered& answered) noexcept {
  app().counters.answered.fetch_add(1, std::memory_order_relaxed);
  const bool by_python = app().access_by_python.load(std::memory_order_relaxed) ||
                         (!answered.forwarded_for.empty() && app().access_on.load(std::memory_order_relaxed));
  if (answered.reported || answered.upgrade || !by_python) return;
  collect([&answered](AnswerLines& collected) {
    if (collected.lines.size() >= AnswerLines::kMost) {
      ++collected.dropped;
      return false;
    }
    try {
      collected.lines.push_back({.host = std::string(answered.client_host),
                                 .port = answered.client_port,
                                 .method = std::string(answered.method),
                                 .target = std::string(answered.target),
                                 .version = answered.version == http::Version::kHttp11 ? "1.1" : "1.0",
                                 .status = answered.status,
                                 .forwarded_for = std::string(answered.forwarded_for)});
      return true;
    } catch (const std::bad_alloc&) {
      ++collected.dropped;
      return false;
    }
  });
}

void AnswerReport::tell(const AnswerLines& collected) noexcept {
  PyObject* const report = app().hooks.report_answers.get();
  if (report != nullptr && !call(report, collected)) PyErr_WriteUnraisable(report);
}

}  // namespace data_bridge::bridge
