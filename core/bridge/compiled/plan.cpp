// Reads a compiler.RoutePlan into C++ structures.
#include "bridge/compiled/plan.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace data_bridge::bridge {

namespace nb = nanobind;
using pyloop::PyRef;

namespace {

/// The attribute, or empty where it is None.
PyRef optional_attribute(nb::handle object, const char* name) {
  nb::object value = object.attr(name);
  return value.is_none() ? PyRef() : PyRef::steal(value.release().ptr());
}

ParameterPlan read_parameter(nb::handle source) {
  ParameterPlan plan;
  const auto in = nb::cast<std::string>(source.attr("location"));
  plan.in = in == "path" ? ParameterIn::kPath : in == "header" ? ParameterIn::kHeader : ParameterIn::kQuery;
  plan.aliases = nb::cast<std::vector<std::string>>(source.attr("aliases"));
  plan.path_index = nb::cast<std::size_t>(source.attr("path_index"));
  plan.many = nb::cast<bool>(source.attr("many"));
  plan.convert = optional_attribute(source, "convert");
  plan.validate = optional_attribute(source, "validate");
  plan.required = nb::cast<bool>(source.attr("required"));
  plan.default_value = PyRef::steal(nb::object(source.attr("default")).release().ptr());
  plan.make_default = optional_attribute(source, "make_default");
  return plan;
}

ResponsePlan read_response(nb::handle source) {
  ResponsePlan plan;
  plan.status = nb::cast<int>(source.attr("status"));
  plan.validate = optional_attribute(source, "validate");
  plan.to_json = optional_attribute(source, "to_json");
  nb::dict keywords = nb::cast<nb::dict>(source.attr("to_json_keywords"));
  if (keywords.size() > kMaxToJsonKeywords) throw nb::value_error("too many keywords for to_json()");
  PyRef names = PyRef::steal(PyTuple_New(static_cast<Py_ssize_t>(keywords.size())));
  if (!names) throw nb::python_error();
  Py_ssize_t index = 0;
  for (auto [name, value] : keywords) {
    PyTuple_SET_ITEM(names.get(), index++, nb::object(nb::borrow(name)).release().ptr());
    plan.to_json_values.push_back(PyRef::borrow(value.ptr()));
  }
  plan.to_json_names = std::move(names);
  plan.invalid = optional_attribute(source, "invalid");
  plan.render = optional_attribute(source, "render");
  plan.plain_json = nb::cast<bool>(source.attr("plain_json"));
  return plan;
}

RoutePlan read(nb::handle source) {
  RoutePlan plan;
  plan.call = optional_attribute(source, "call");
  plan.threaded = optional_attribute(source, "threaded");
  for (nb::handle parameter : source.attr("parameters")) plan.parameters.push_back(read_parameter(parameter));
  plan.body_validate = optional_attribute(source, "body_validate");
  plan.argument_names = optional_attribute(source, "argument_names");
  plan.response = read_response(source.attr("response"));
  plan.finish = optional_attribute(source, "finish");
  plan.from_attributes = pyloop::PyRef::steal(Py_BuildValue("(s)", "from_attributes"));
  if (!plan.from_attributes) throw nb::python_error();
  plan.parse_json = optional_attribute(source, "parse_json");
  plan.response_class = optional_attribute(source, "response_class");
  plan.simple_classes = optional_attribute(source, "simple_classes");
  plan.strict_content_type = nb::cast<bool>(source.attr("strict_content_type"));
  return plan;
}

}  // namespace

std::optional<RoutePlan> read_route_plan(PyObject* plan) {
  try {
    return read(nb::handle(plan));
  } catch (nb::python_error& error) {
    error.restore();
  } catch (const nb::cast_error&) {
    PyErr_SetString(PyExc_TypeError, "not a route plan of this version");
  }
  return std::nullopt;
}

}  // namespace data_bridge::bridge
