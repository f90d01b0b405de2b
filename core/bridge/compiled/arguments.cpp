// Extracts and validates path, query, header and body arguments.
#include "bridge/compiled/arguments.hpp"

#include <array>
#include <optional>

#include "bridge/text.hpp"
#include "text/characters.hpp"
#include "text/media_type.hpp"
#include "text/query_string.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

/// validator.validate_python(value, from_attributes=True), as fastapi._compat.v2.ModelField.validate calls it.
PyRef validate(const RoutePlan& plan, PyObject* validator, PyObject* value) {
  std::array<PyObject*, 2> arguments{value, Py_True};
  return PyRef::steal(PyObject_Vectorcall(validator, arguments.data(), 1, plan.from_attributes.get()));
}

PyRef header_str(std::string_view value) {
  return PyRef::steal(PyUnicode_DecodeLatin1(value.data(), static_cast<Py_ssize_t>(value.size()), nullptr));
}

PyRef query_str(std::string_view raw) { return PyRef::steal(query_text_str(raw)); }

template <typename Values, typename Convert>
PyRef list_of(const Values& values, Convert convert) {
  PyRef list = PyRef::steal(PyList_New(0));
  for (const std::string_view value : values) {
    PyRef item = convert(value);
    if (!list || !item || PyList_Append(list.get(), item.get()) != 0) return {};
  }
  return list;
}

std::vector<std::string_view> header_values(const http::Request& request, std::string_view name) {
  std::vector<std::string_view> values;
  for (const auto& header : request.headers) {
    if (text::equals_ignoring_case(header.name, name)) values.push_back(header.value);
  }
  return values;
}

enum class Found : std::uint8_t { kValue, kAbsent, kFailed };

Found found(PyRef value, PyRef& out) {
  if (!value) return Found::kFailed;
  out = std::move(value);
  return Found::kValue;
}

Found extract_path(const ParameterPlan& plan, std::span<const std::string> path_values, PyRef& out) {
  if (plan.path_index >= path_values.size()) return Found::kFailed;
  const std::string& text = path_values[plan.path_index];
  PyRef value = PyRef::steal(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
  if (value && plan.convert) value = PyRef::steal(PyObject_CallOneArg(plan.convert.get(), value.get()));
  return found(std::move(value), out);
}

Found extract_query(const ParameterPlan& plan, const text::QueryString& query, PyRef& out) {
  for (const std::string& alias : plan.aliases) {
    if (plan.many) {
      const auto values = query.all(alias);
      if (!values.empty()) return found(list_of(values, query_str), out);
    } else if (const auto value = query.last(alias)) {
      return found(query_str(*value), out);
    }
  }
  return Found::kAbsent;
}

Found extract_header(const ParameterPlan& plan, const http::Request& request, PyRef& out) {
  for (const std::string& alias : plan.aliases) {
    const auto values = header_values(request, alias);
    if (values.empty()) continue;
    return found(plan.many ? list_of(values, header_str) : header_str(values.front()), out);
  }
  return Found::kAbsent;
}

PyRef default_of(const ParameterPlan& plan) {
  return plan.make_default ? PyRef::steal(PyObject_CallNoArgs(plan.make_default.get()))
                           : PyRef::borrow(plan.default_value.get());
}

PyRef argument(const RoutePlan& route, const ParameterPlan& plan, const http::Request& request,
               const text::QueryString& query, std::span<const std::string> path_values) {
  PyRef value;
  Found outcome = Found::kAbsent;
  switch (plan.in) {
    case ParameterIn::kPath:
      outcome = extract_path(plan, path_values, value);
      break;
    case ParameterIn::kQuery:
      outcome = extract_query(plan, query, value);
      break;
    case ParameterIn::kHeader:
      outcome = extract_header(plan, request, value);
      break;
  }
  if (outcome == Found::kFailed || (outcome == Found::kAbsent && plan.required)) return {};
  if (outcome == Found::kAbsent) return default_of(plan);
  return plan.validate ? validate(route, plan.validate.get(), value.get()) : std::move(value);
}

bool is_json(const RoutePlan& plan, const http::Request& request) {
  const auto type = request.header("content-type");
  if (!type || type->empty()) return !plan.strict_content_type;
  return text::is_json(*type);
}

PyRef body_argument(const RoutePlan& plan, const http::Request& request, std::string_view body) {
  if (body.empty() || !is_json(plan, request)) return {};
  PyRef bytes = PyRef::steal(PyBytes_FromStringAndSize(body.data(), static_cast<Py_ssize_t>(body.size())));
  // from_json equals json.loads wherever it succeeds; where it refuses, FastAPI's own code decides.
  PyRef document = PyRef::steal(bytes ? PyObject_CallOneArg(plan.parse_json.get(), bytes.get()) : nullptr);
  return document ? validate(plan, plan.body_validate.get(), document.get()) : PyRef();
}

}  // namespace

bool make_arguments(const RoutePlan& plan, const http::Request& request, std::span<const std::string> path_values,
                    std::string_view body, std::vector<PyRef>& arguments) {
  const text::QueryString query(request.query);
  for (const ParameterPlan& parameter : plan.parameters) {
    arguments.push_back(argument(plan, parameter, request, query, path_values));
    if (!arguments.back()) {
      PyErr_Clear();
      return false;
    }
  }
  if (!plan.body_validate) return true;
  arguments.push_back(body_argument(plan, request, body));
  if (arguments.back()) return true;
  PyErr_Clear();
  return false;
}

}  // namespace data_bridge::bridge
