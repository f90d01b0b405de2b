// One request's run through its route's program.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "bridge/compiled/arguments.hpp"
#include "bridge/compiled/door.hpp"
#include "bridge/compiled/form.hpp"
#include "bridge/compiled/plan.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// The state machine of FastAPI's request handler: body, dependencies, endpoint, answer. It never waits: what is to be
/// awaited stands in current(), and who drives it says with advance() what came of it.
///
/// Up to the first call of code of the application's the request may be handed over to FastAPI (Door::hand_over());
/// from there on every outcome, good or bad, is brought to its end with what was computed: by the answer itself, or by
/// plan.finish, which puts FastAPI's own layers around the outcome. Nothing runs twice.
class Execution {
 public:
  Execution(Door& door, const RoutePlan& plan);
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;
  ~Execution() = default;

  enum class Next : std::uint8_t {
    kAwait,     ///< current() is to be awaited
    kAnswered,  ///< over; take_result() is what the caller gets
    kError,     ///< over, with a Python exception set
  };
  Next start();
  /// After current() has returned `value`, or raised what is set.
  Next advance(bool returned, pyloop::PyRef value);

  [[nodiscard]] PyObject* current() const noexcept { return current_.get(); }
  /// None, but where Door::returns_response().
  [[nodiscard]] pyloop::PyRef take_result() noexcept {
    return result_ ? std::move(result_) : pyloop::PyRef::borrow(Py_None);
  }
  [[nodiscard]] pyloop::PyRef take_current() noexcept { return std::move(current_); }
  /// Lets go of everything.
  void end() noexcept;
  int traverse(visitproc visit, void* arg) const;

 private:
  enum class Stage : std::uint8_t {
    kBody,
    kGivenBody,
    kForm,
    kFormPiece,
    kFormWrite,
    kSteps,
    kEndpoint,
    kValidate,
    kSend,
    kOnlyExit,
    kExit,
    kFinish
  };
  enum class Done : std::uint8_t { kYes, kAwait, kRaised };

  // --- before the endpoint ---
  bool complete_scope();
  bool begin_scope(PyObject* scope);
  bool take_given_scope();
  Next read_body();
  Next read_given_body();
  Next receive_body();
  Next on_message(PyObject* message);
  Next on_client_left();
  Next on_unreadable_body();
  Next end_unread(pyloop::PyRef raised);
  Next begin_form();
  Next read_form();
  Next on_form_piece(PyObject* value);
  std::optional<Next> take_form_piece(Door::Piece found, std::string_view piece);
  Next read_form_again();
  Next form_is_read();
  bool make_form();
  bool give_form(PyObject* request);
  Next run_steps();
  Done perform(const Step& step);
  bool extract(const ParameterPlan& parameter, std::size_t node, std::size_t slot);
  Done read_location(const Step& step);
  Done begin_body_fields(const Step& step);
  Done extract_form_fields(const Step& step);
  Done begin_call(const Step& step);
  bool take(const Step& step, pyloop::PyRef value);
  void solved(const Step& step, pyloop::PyRef value);
  bool take_outputs(const Step& step, PyObject* result);
  bool add_errors(std::size_t node, PyObject* list);
  PyObject* slot(std::size_t index);
  PyObject* request();
  bool keep_headers(PyObject* request) const;
  PyObject* stack(pyloop::PyRef& stack) const;
  pyloop::PyRef call(const Step& step);
  pyloop::PyRef enter(const Step& step);
  bool begins_generator(const Step& step);
  pyloop::PyRef begin_generator(const Step& step);
  Next on_raised_step();
  bool keep_exit(const Step& step);
  pyloop::PyRef take_only_exit();
  Next on_only_exit(bool returned);
  bool show_cleanup();
  pyloop::PyRef stream(const Step& step);
  pyloop::PyRef named_arguments(const Step& step);

  // --- behind it ---
  Next call_endpoint();
  Next on_result(PyObject* result);
  Next on_model(PyObject* content);
  Next serialize(PyObject* value);
  Next on_invalid(PyObject* content);
  Next begin_validation(PyObject* content);
  Next respond_by(const pyloop::PyRef& make, PyObject* content);
  Next on_response(pyloop::PyRef response);
  Next answer_json(std::string_view body);
  Next answered(Door::Answer answer, pyloop::PyRef next);
  Next on_exception();
  Next finish(PyObject* outcome);
  [[nodiscard]] PyObject* finisher() const noexcept;
  Next await(pyloop::PyRef awaitable, Stage stage);
  bool carries_only_bytes(PyObject* response);
  bool session_changes();
  pyloop::PyRef fields_with_session(pyloop::PyRef fields);
  [[nodiscard]] bool has_exits() const;
  bool has_tasks();
  [[nodiscard]] bool answers_before_rest() const;
  Next finish_rest();
  [[nodiscard]] bool has_files_to_close() const;
  bool injected_status(long& status);

  Door& door_;
  const RoutePlan& plan_;
  Inputs inputs_;
  std::vector<pyloop::PyRef> slots_;
  std::vector<pyloop::PyRef> caches_;
  std::vector<bool> failed_;
  std::unique_ptr<FormReading> form_;  // one that is read natively
  bool form_ended_ = false;
  bool closes_files_ = false;
  bool has_rest_ = false;  // behind the answer
  std::size_t step_ = 0;
  Stage stage_ = Stage::kBody;
  pyloop::PyRef current_;
  pyloop::PyRef content_;  // what the endpoint returned, while it is validated; pieces of the body, while it comes in
  pyloop::PyRef errors_;
  pyloop::PyRef result_;
  pyloop::PyRef request_stack_;
  pyloop::PyRef function_stack_;
  pyloop::PyRef generator_;  // of a dependency, until it has yielded
  /// The last exit that was put on the request's stack.
  struct Exit {
    pyloop::PyRef entry;
    pyloop::PyRef generator;
  };
  Exit last_exit_;
  std::optional<bool> enters_generators_;  // decided at the first one
  bool has_generators_ = false;
  pyloop::PyRef session_;  // the open session, once the scope has it
  bool scope_is_complete_ = false;
};

}  // namespace data_bridge::bridge
