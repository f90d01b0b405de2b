// Reads a RoutePlan of data_bridge.compile into C++ structures.
#include "bridge/compiled/plan.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "bridge/compiled/class_version.hpp"

namespace data_bridge::bridge {

namespace nb = nanobind;
using pyloop::PyRef;

namespace {

PyRef owned(nb::object value) { return PyRef::steal(value.release().ptr()); }

/// The attribute, or empty where it is None.
PyRef optional_attribute(nb::handle object, const char* name) {
  nb::object value = object.attr(name);
  return value.is_none() ? PyRef() : owned(std::move(value));
}

std::size_t read_index(nb::handle object, const char* name) {
  const nb::object value = object.attr(name);
  return value.is_none() ? kNowhere : nb::cast<std::size_t>(value);
}

template <typename Enum>
struct Named {
  std::string_view name;
  Enum value;
};

template <typename Enum, std::size_t Count>
Enum read_enum(const Named<Enum> (&names)[Count], nb::handle object, const char* attribute) {
  const auto text = nb::cast<std::string>(object.attr(attribute));
  for (const auto& [name, value] : names) {
    if (name == text) return value;
  }
  throw nb::value_error("not a route plan of this version");
}

constexpr Named<ParameterIn> kLocations[] = {{"path", ParameterIn::kPath},     {"query", ParameterIn::kQuery},
                                             {"header", ParameterIn::kHeader}, {"cookie", ParameterIn::kCookie},
                                             {"body", ParameterIn::kBody},     {"form", ParameterIn::kForm}};
constexpr Named<Op> kOps[] = {{"parameter", Op::kParameter},
                              {"location", Op::kLocation},
                              {"body", Op::kBody},
                              {"form", Op::kForm},
                              {"make", Op::kMake},
                              {"reuse", Op::kReuse},
                              {"call", Op::kCall},
                              {"thread", Op::kThread},
                              {"enter", Op::kEnter},
                              {"stream", Op::kStream},
                              {"application", Op::kApplication}};

ParameterPlan read_parameter(nb::handle source) {
  ParameterPlan plan;
  plan.in = read_enum(kLocations, source, "location");
  for (nb::handle alias : source.attr("aliases")) {
    plan.aliases.push_back(nb::cast<std::string>(alias));
    plan.alias_names.push_back(PyRef::borrow(alias.ptr()));
  }
  plan.path_index = nb::cast<std::size_t>(source.attr("path_index"));
  plan.many = nb::cast<bool>(source.attr("many"));
  plan.null_is_absent = nb::cast<bool>(source.attr("null_is_absent"));
  plan.validate = optional_attribute(source, "validate");
  plan.required = nb::cast<bool>(source.attr("required"));
  plan.validate_default = nb::cast<bool>(source.attr("validate_default"));
  plan.default_value = owned(source.attr("default"));
  plan.make_default = optional_attribute(source, "make_default");
  plan.errors = optional_attribute(source, "errors");
  return plan;
}

CredentialPlan read_credential(nb::handle source) {
  CredentialPlan plan;
  plan.parameter.in = read_enum(kLocations, source, "location");
  plan.parameter.aliases.push_back(nb::cast<std::string>(source.attr("name")));
  plan.parameter.alias_names.push_back(owned(source.attr("name")));
  plan.bearer = nb::cast<bool>(source.attr("bearer"));
  plan.make = optional_attribute(source, "make");
  plan.kind = owned(source.attr("kind"));
  plan.version = class_version(reinterpret_cast<PyTypeObject*>(plan.kind.get()));
  if (PyErr_Occurred() != nullptr) throw nb::python_error();
  return plan;
}

Step read_step(nb::handle source) {
  Step step;
  step.op = read_enum(kOps, source, "op");
  step.slot = read_index(source, "slot");
  step.node = nb::cast<std::size_t>(source.attr("node"));
  step.parent = read_index(source, "parent");
  if (const nb::object parameter = source.attr("parameter"); !parameter.is_none()) {
    step.parameter = read_parameter(parameter);
  }
  if (const nb::object credential = source.attr("credential"); !credential.is_none()) {
    step.credential = read_credential(credential);
  }
  step.function = optional_attribute(source, "function");
  step.generator = optional_attribute(source, "generator");
  step.names = owned(nb::tuple(source.attr("names")));
  step.arguments = nb::cast<std::vector<std::size_t>>(source.attr("arguments"));
  for (nb::handle output : source.attr("outputs")) {
    step.outputs.emplace_back(PyRef::borrow(nb::object(output[0]).ptr()), nb::cast<std::size_t>(output[1]));
  }
  for (nb::handle field : source.attr("fields")) step.fields.push_back(read_parameter(field));
  step.cache = read_index(source, "cache");
  step.use_cache = nb::cast<bool>(source.attr("use_cache"));
  step.function_scope = nb::cast<bool>(source.attr("function_scope"));
  step.jump = nb::cast<std::size_t>(source.attr("jump"));
  return step;
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
  plan.encode = optional_attribute(source, "encode");
  plan.render = optional_attribute(source, "render");
  plan.wrap = optional_attribute(source, "wrap");
  plan.plain_json = nb::cast<bool>(source.attr("plain_json"));
  if (const nb::object writer = source.attr("writer"); !writer.is_none()) {
    plan.writer = nb::cast<const ResponseWriter*>(writer);
    plan.writer_owner = PyRef::borrow(writer.ptr());
  }
  return plan;
}

ScopePlan read_scope(nb::handle facts, nb::handle services, bool has_stacks) {
  ScopePlan plan;
  for (nb::handle name : facts.attr("path_names")) plan.path_names.push_back(PyRef::borrow(name.ptr()));
  for (nb::handle convert : facts.attr("path_converts")) {
    plan.path_converts.push_back(convert.is_none() ? PyRef() : PyRef::borrow(convert.ptr()));
  }
  plan.router = optional_attribute(facts, "router");
  plan.endpoint = owned(facts.attr("endpoint"));
  plan.route = optional_attribute(facts, "route");
  plan.fastapi = optional_attribute(facts, "fastapi");
  plan.begin = optional_attribute(services, "begin");
  plan.begin_inside = optional_attribute(services, "begin_inside");
  if (has_stacks) {
    plan.make_stack = optional_attribute(services, "make_stack");
    plan.make_headers = optional_attribute(services, "make_headers");
  }
  plan.request_stack_key = optional_attribute(services, "request_stack_key");
  plan.function_stack_key = optional_attribute(services, "function_stack_key");
  plan.files_key = optional_attribute(services, "files_key");
  plan.cleanup_key = optional_attribute(services, "cleanup_key");
  plan.request_class = optional_attribute(services, "request_class");
  plan.reads_as_usual = optional_attribute(services, "reads_as_usual");
  plan.make_request = optional_attribute(services, "make_request");
  plan.make_response = optional_attribute(services, "make_response");
  plan.make_tasks = optional_attribute(services, "make_tasks");
  return plan;
}

void read_program(nb::handle source, RoutePlan& plan) {
  for (nb::handle step : source.attr("steps")) plan.steps.push_back(read_step(step));
  plan.endpoint = read_step(source.attr("endpoint"));
  plan.slots = nb::cast<std::size_t>(source.attr("slots"));
  plan.nodes = nb::cast<std::size_t>(source.attr("nodes"));
  plan.caches = nb::cast<std::size_t>(source.attr("caches"));
  plan.reads_body = nb::cast<bool>(source.attr("reads_body"));
  plan.inside_only = nb::cast<bool>(source.attr("inside_only"));
  const auto takes_request = [](const Step& step) {
    return std::ranges::find(step.arguments, kRequestSlot) != step.arguments.end();
  };
  const bool reads_form = std::ranges::any_of(plan.steps, [](const Step& step) { return step.op == Op::kForm; });
  plan.streams_body = !plan.reads_body &&
                      (reads_form || takes_request(plan.endpoint) || std::ranges::any_of(plan.steps, takes_request));
  plan.reads_head = plan.reads_body || reads_form || std::ranges::any_of(plan.steps, [](const Step& step) {
                      return step.op == Op::kParameter && step.parameter.in != ParameterIn::kPath;
                    });
  plan.threaded = plan.endpoint.op == Op::kThread;
}

void read_form(nb::handle source, FormPlan& plan) {
  if (source.is_none()) return;
  plan.known = true;
  plan.limits = {.max_files = nb::cast<std::size_t>(source.attr("max_files")),
                 .max_fields = nb::cast<std::size_t>(source.attr("max_fields")),
                 .max_part_size = nb::cast<std::size_t>(source.attr("max_part_size"))};
  plan.inherited = owned(source.attr("inherited"));
  plan.make_upload = optional_attribute(source, "make_upload");
  plan.fill = optional_attribute(source, "fill");
  plan.write = optional_attribute(source, "write");
  plan.make_form = optional_attribute(source, "make_form");
  plan.keep = optional_attribute(source, "keep");
  plan.read_again = optional_attribute(source, "read_again");
}

void read_session(nb::handle source, SessionPlan& plan) {
  if (source.is_none()) return;
  plan.known = true;
  const auto cookie = nb::cast<nb::bytes>(source.attr("cookie"));
  plan.cookie.assign(cookie.c_str(), cookie.size());
  plan.changes = optional_attribute(source, "changes");
  plan.fields = optional_attribute(source, "fields");
}

void read_body(nb::handle source, RoutePlan& plan) {
  if (source.is_none()) return;
  if (const nb::object form = source.attr("form"); !form.is_none()) read_form(form.attr("native"), plan.form);
  plan.strict_content_type = nb::cast<bool>(source.attr("strict_content_type"));
  plan.decode_body = optional_attribute(source, "decode");
  plan.read_body = optional_attribute(source, "read");
  plan.unreadable_body = optional_attribute(source, "unreadable");
}

void read_watch(nb::handle source, RouteWatch& watch) {
  if (!watch.set(nb::object(source.attr("attributes")).ptr(), nb::object(source.attr("lists")).ptr())) {
    throw nb::python_error();
  }
}

RoutePlan read(nb::handle source) {
  RoutePlan plan;
  read_program(source, plan);
  const nb::object facts = source.attr("facts");
  const nb::object services = source.attr("services");
  read_body(facts.attr("body"), plan);
  read_session(services.attr("session"), plan.session);
  plan.response = read_response(facts.attr("response"));
  plan.scope = read_scope(facts.attr("scope"), services, nb::cast<bool>(facts.attr("has_stacks")));
  // What has no dependencies has none that could be overridden.
  if (plan.nodes > 1) plan.overrides = optional_attribute(facts, "overrides");
  plan.invalid_request = optional_attribute(facts, "invalid_request");
  plan.exit_manager = optional_attribute(services, "exit_manager");
  plan.exit_function = optional_attribute(services, "exit_function");
  plan.end_again = optional_attribute(services, "end_again");
  plan.generators_outside_scopes = nb::cast<bool>(services.attr("generators_outside_scopes"));
  plan.run_in_thread = optional_attribute(services, "run_in_thread");
  plan.parse_cookies = optional_attribute(services, "parse_cookies");
  plan.parse_json = optional_attribute(services, "parse_json");
  read_watch(services.attr("json_watch"), plan.json_watch);
  plan.undefined = owned(services.attr("undefined"));  // None where a release takes that for absent
  plan.validation_error = optional_attribute(services, "validation_error");
  plan.answered = optional_attribute(services, "answered");
  plan.answers_before_exits = nb::cast<bool>(services.attr("answers_before_exits"));
  plan.finish = optional_attribute(services, "finish");
  plan.finish_native = optional_attribute(services, "finish_native");
  plan.finish_inside = optional_attribute(services, "finish_inside");
  plan.response_class = optional_attribute(services, "response_class");
  plan.only_bytes = optional_attribute(services, "only_bytes");
  plan.from_attributes = PyRef::steal(Py_BuildValue("(s)", "from_attributes"));
  plan.known_types = PyRef::steal(PyDict_New());
  if (!plan.from_attributes || !plan.known_types) throw nb::python_error();
  return plan;
}

}  // namespace

namespace {

template <typename Plan, typename Read>
std::optional<Plan> read_or_raise(Read&& read_plan) {
  try {
    return std::forward<Read>(read_plan)();
  } catch (nb::python_error& error) {
    error.restore();
  } catch (const std::exception& error) {
    PyErr_Format(PyExc_TypeError, "not a route plan of this version: %s", error.what());
  }
  return std::nullopt;
}

}  // namespace

std::optional<RoutePlan> read_route_plan(PyObject* plan) {
  return read_or_raise<RoutePlan>([plan] { return read(nb::handle(plan)); });
}

std::optional<FormPlan> read_form_plan(PyObject* form) {
  return read_or_raise<FormPlan>([form] {
    FormPlan plan;
    read_form(nb::handle(form), plan);
    return plan;
  });
}

}  // namespace data_bridge::bridge
