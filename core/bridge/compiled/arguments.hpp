// Arguments of endpoints and dependencies: extracted, validated, or refused with FastAPI's errors.
#pragma once

#include <Python.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "bridge/compiled/door.hpp"
#include "bridge/compiled/form.hpp"
#include "bridge/compiled/plan.hpp"
#include "pyloop/py_ref.hpp"
#include "text/query_string.hpp"

namespace data_bridge::bridge {

/// What the arguments of one request are read from. On the loop's thread, with the GIL.
class Inputs {
 public:
  Inputs(const RoutePlan& plan, Door& door) noexcept : plan_(plan), door_(door) {}

  /// Converts the path's parameters; false where a convertor refuses, with its exception set.
  bool convert_path();
  /// A new dict of them, as scope["path_params"]; empty with an exception set. `before`: the dict that was, or null.
  [[nodiscard]] pyloop::PyRef path_params(PyObject* before) const;

  /// `bytes`: all of the body. Sets body() to the document, the bytes, or plan.undefined; false with what FastAPI
  /// raises set.
  bool set_body(pyloop::PyRef bytes);
  /// A body that was read otherwise: a form, or by a Request of somebody else's.
  void take_body(pyloop::PyRef value) noexcept { body_ = std::move(value); }
  /// Where parameters of forms are found; it must live as long as they are extracted.
  void read_from(FormReading& form) noexcept { form_ = &form; }
  [[nodiscard]] PyObject* body() const noexcept { return body_ ? body_.get() : plan_.undefined.get(); }
  /// Borrowed; null before set_body().
  [[nodiscard]] PyObject* body_bytes() const noexcept { return body_bytes_.get(); }
  /// The body was read as a JSON document.
  [[nodiscard]] bool is_document() const noexcept { return is_document_; }

  enum class Result : std::uint8_t {
    kValue,
    kInvalid,  ///< the list of errors in its place
    kRaised,   ///< a Python exception is set
  };
  Result extract(const ParameterPlan& parameter, pyloop::PyRef& out);

  /// What the scheme's own coroutine returns where there is nothing to refuse; empty where that has to see to it, as
  /// where the class was changed, and with an exception set where one is.
  pyloop::PyRef credential(const CredentialPlan& plan);

  int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  enum class Found : std::uint8_t { kValue, kAbsent, kFailed };
  Found find(const ParameterPlan& parameter, pyloop::PyRef& out, std::size_t& alias);
  Found find_in_query(const ParameterPlan& parameter, pyloop::PyRef& out, std::size_t& alias);
  Found find_in_headers(const ParameterPlan& parameter, pyloop::PyRef& out, std::size_t& alias);
  Found find_in_cookies(const ParameterPlan& parameter, pyloop::PyRef& out, std::size_t& alias);
  Found find_in_form(const ParameterPlan& parameter, pyloop::PyRef& out, std::size_t& alias) const;
  Found find_body(const ParameterPlan& parameter, pyloop::PyRef& out) const;
  pyloop::PyRef validated(const ParameterPlan& parameter, PyObject* value);
  Result refused(const ParameterPlan& parameter, std::size_t alias, PyObject* error, pyloop::PyRef& out);
  [[nodiscard]] bool is_json() const;

  const RoutePlan& plan_;
  Door& door_;
  std::vector<pyloop::PyRef> path_;
  std::optional<text::QueryString> query_;
  pyloop::PyRef cookies_;
  pyloop::PyRef body_bytes_;
  pyloop::PyRef body_;
  FormReading* form_ = nullptr;
  bool is_document_ = false;
};

}  // namespace data_bridge::bridge
