// How a program comes to the body of its request: whole, as a form, or through a Request that others have made.
#include <array>
#include <string_view>
#include <utility>

#include "bridge/asgi/message.hpp"
#include "bridge/compiled/execution.hpp"
#include "pyloop/generator.hpp"
#include "pyloop/py_error.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

/// Whether the limits in `scope`, which routers around this one may have set, are `inherited`.
bool has_limits(PyObject* scope, PyObject* inherited) {
  static PyObject* const key = PyUnicode_InternFromString("fastapi");
  static PyObject* const limits = PyUnicode_InternFromString("form_limits");
  PyObject* const fastapi = PyDict_GetItemWithError(scope, key);
  PyObject* const found =
      fastapi != nullptr && PyDict_Check(fastapi) ? PyDict_GetItemWithError(fastapi, limits) : nullptr;
  return PyErr_Occurred() == nullptr &&
         PyObject_RichCompareBool(found != nullptr ? found : Py_None, inherited, Py_EQ) == 1;
}

}  // namespace

// --- as it is --------------------------------------------------------------------------------------

Execution::Next Execution::read_body() {
  const std::string_view* const body = door_.body();
  if (body == nullptr) return door_.receive() != nullptr ? receive_body() : Next::kError;
  PyRef bytes = PyRef::steal(PyBytes_FromStringAndSize(body->data(), static_cast<Py_ssize_t>(body->size())));
  return bytes && inputs_.set_body(std::move(bytes)) ? run_steps() : on_exception();
}

Execution::Next Execution::read_given_body() {
  if (!plan_.reads_body) return run_steps();
  return await(PyRef::steal(PyObject_CallOneArg(plan_.read_body.get(), door_.given_request())), Stage::kGivenBody);
}

Execution::Next Execution::on_client_left() { return end_unread(PyRef::borrow(Py_None)); }

/// An exception is set: FastAPI has its own for whatever keeps it from reading a body.
Execution::Next Execution::on_unreadable_body() { return end_unread(pyloop::take_exception()); }

Execution::Next Execution::end_unread(PyRef raised) {
  if (form_ && !form_->close_files()) raised = pyloop::take_exception();
  form_.reset();
  if (raised.get() != Py_None && PyErr_GivenExceptionMatches(raised.get(), PyExc_Exception) == 0) {
    pyloop::raise_exception(std::move(raised));
    return on_exception();
  }
  std::array<PyObject*, 2> arguments{raised.get(), door_.scope()};
  const PyRef error = PyRef::steal(arguments[1] != nullptr
                                       ? PyObject_Vectorcall(plan_.unreadable_body.get(), arguments.data(), 2, nullptr)
                                       : nullptr);
  return error ? finish(error.get()) : on_exception();
}

Execution::Next Execution::receive_body() {
  PyRef message = PyRef::steal(PyObject_CallNoArgs(door_.receive()));
  return message ? await(std::move(message), Stage::kBody) : on_unreadable_body();
}

/// One message of receive(), as starlette.requests.Request.stream() takes it.
Execution::Next Execution::on_message(PyObject* message) {
  RequestMessage read;
  if (!read_request_message(message, read)) return on_unreadable_body();
  if (read.disconnected) return on_client_left();
  const bool more = read.more_body;
  PyRef piece = std::move(read.body);
  if (piece && content_) {
    if (PyList_Append(content_.get(), piece.get()) != 0) return on_unreadable_body();
  } else if (piece && more) {
    content_ = PyRef::steal(PyList_New(0));
    if (!content_ || PyList_Append(content_.get(), piece.get()) != 0) return on_unreadable_body();
  }
  if (more) return receive_body();
  if (content_) {
    const PyRef nothing = PyRef::steal(PyBytes_FromStringAndSize(nullptr, 0));
    const PyRef pieces = std::move(content_);
    piece = PyRef::steal(nothing ? PyObject_CallMethod(nothing.get(), "join", "O", pieces.get()) : nullptr);
  }
  if (piece && !PyBytes_CheckExact(piece.get())) piece = PyRef::steal(PyBytes_FromObject(piece.get()));
  if (!piece) return on_unreadable_body();
  return inputs_.set_body(std::move(piece)) ? run_steps() : on_exception();
}

Execution::Done Execution::begin_body_fields(const Step& step) {
  if (form_ && !step.fields.empty() && form_->is_usual(step.fields)) return extract_form_fields(step);
  if (!make_form()) return Done::kRaised;
  current_ = pyloop::await_iterator(PyRef::steal(PyObject_CallOneArg(step.function.get(), inputs_.body())));
  return current_ ? Done::kAwait : Done::kRaised;
}

// --- as a form -------------------------------------------------------------------------------------

Execution::Done Execution::extract_form_fields(const Step& step) {
  inputs_.read_from(*form_);
  for (std::size_t i = 0; i < step.fields.size(); ++i) {
    if (!extract(step.fields[i], step.node, step.outputs[i].second)) return Done::kRaised;
  }
  return Done::kYes;
}

/// The first step of a program that has it. Natively, where the form is one that can be read so.
Execution::Next Execution::begin_form() {
  PyObject* const scope = plan_.form.known && door_.scope_is_seen() ? door_.scope() : nullptr;
  const bool known = plan_.form.known && (scope == nullptr || has_limits(scope, plan_.form.inherited.get()));
  if (PyErr_Occurred() != nullptr) return on_exception();
  if (known) {
    const http::Request& head = door_.head();
    form_ =
        FormReading::begin(plan_.form, head.header("content-type").value_or(std::string_view()), head.content_length);
  }
  if (form_) return read_form();
  PyObject* const from = request();
  std::array<PyObject*, 2> arguments{from, request_stack_ ? request_stack_.get() : Py_None};
  return await(PyRef::steal(from != nullptr ? PyObject_Vectorcall(plan_.steps[step_].function.get(), arguments.data(),
                                                                  arguments.size(), nullptr)
                                            : nullptr),
               Stage::kForm);
}

Execution::Next Execution::read_form() {
  while (true) {
    std::string_view piece;
    PyRef next;
    const Door::Piece found = door_.next_piece(piece, next);
    if (found == Door::Piece::kAwait) return await(std::move(next), Stage::kFormPiece);
    if (const auto done = take_form_piece(found, piece)) return *done;
  }
}

Execution::Next Execution::on_form_piece(PyObject* value) {
  std::string_view piece;
  const Door::Piece found = door_.received_piece(value, piece);
  const auto done = take_form_piece(found, piece);
  return done ? *done : read_form();
}

/// Nothing: the next piece, please.
std::optional<Execution::Next> Execution::take_form_piece(Door::Piece found, std::string_view piece) {
  if (found == Door::Piece::kDisconnect) return on_client_left();
  if (found != Door::Piece::kMore && found != Door::Piece::kLast) return on_unreadable_body();
  form_ended_ = found == Door::Piece::kLast;
  FormReading::Status status = form_->feed(piece);
  if (status == FormReading::Status::kGood && form_ended_) status = form_->finish();
  if (status == FormReading::Status::kRaised) return on_unreadable_body();
  if (status == FormReading::Status::kIrregular) return read_form_again();
  if (form_->has_due()) {
    const PyRef due = form_->take_due();
    return await(PyRef::steal(due ? PyObject_CallOneArg(plan_.form.write.get(), due.get()) : nullptr),
                 Stage::kFormWrite);
  }
  if (form_ended_) return form_is_read();
  return std::nullopt;
}

/// Starlette's parsers begin where this has begun, and go on with what comes in.
Execution::Next Execution::read_form_again() {
  const PyRef due = form_->take_due();
  const PyRef pieces = form_->pieces();
  form_.reset();
  PyObject* const from = request();
  if (!due || !pieces || from == nullptr) return on_exception();
  std::array<PyObject*, 5> arguments{from, request_stack_ ? request_stack_.get() : Py_None, due.get(), pieces.get(),
                                     form_ended_ ? Py_True : Py_False};
  return await(
      PyRef::steal(PyObject_Vectorcall(plan_.form.read_again.get(), arguments.data(), arguments.size(), nullptr)),
      Stage::kForm);
}

Execution::Next Execution::form_is_read() {
  if (form_->has_files()) {
    if (!complete_scope() || !make_form()) return on_exception();
    std::array<PyObject*, 3> arguments{inputs_.body(), door_.scope(), request_stack_ ? request_stack_.get() : Py_None};
    if (!PyRef::steal(PyObject_Vectorcall(plan_.form.keep.get(), arguments.data(), arguments.size(), nullptr))) {
      return on_exception();
    }
    closes_files_ = true;
  }
  ++step_;
  return run_steps();
}

/// The FormData, where it is asked for.
bool Execution::make_form() {
  if (!form_ || !form_->finished() || inputs_.body() != plan_.undefined.get()) return true;
  inputs_.take_body(form_->make_form());
  return PyErr_Occurred() == nullptr;
}

/// `request` is made behind a form that was read natively: as if it had read it itself.
bool Execution::give_form(PyObject* request) {
  static PyObject* const form = PyUnicode_InternFromString("_form");
  static PyObject* const consumed = PyUnicode_InternFromString("_stream_consumed");
  if (!form_ || !form_->finished()) return true;
  return make_form() && PyObject_SetAttr(request, form, inputs_.body()) == 0 &&
         PyObject_SetAttr(request, consumed, Py_True) == 0;
}

}  // namespace data_bridge::bridge
