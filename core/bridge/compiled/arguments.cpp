// Reads arguments as fastapi.dependencies.utils.request_params_to_args() and request_body_to_args() do.
#include "bridge/compiled/arguments.hpp"

#include <array>
#include <string_view>

#include "bridge/compiled/class_version.hpp"
#include "bridge/text.hpp"
#include "pyloop/py_error.hpp"
#include "text/characters.hpp"
#include "text/media_type.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

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

}  // namespace

bool Inputs::convert_path() {
  if (PyObject* const params = door_.path_params()) {
    for (const PyRef& name : plan_.scope.path_names) {
      path_.push_back(PyRef::steal(PyObject_GetItem(params, name.get())));
      if (!path_.back()) return false;
    }
    return true;
  }
  const auto values = door_.path_values();
  const auto& converts = plan_.scope.path_converts;
  path_.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string& text = values[i];
    PyRef value = PyRef::steal(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
    if (value && i < converts.size() && converts[i]) {
      value = PyRef::steal(PyObject_CallOneArg(converts[i].get(), value.get()));
    }
    if (!value) return false;
    path_.push_back(std::move(value));
  }
  return true;
}

PyRef Inputs::path_params(PyObject* before) const {
  PyRef params = PyRef::steal(before != nullptr ? PyDict_Copy(before) : PyDict_New());
  const auto& names = plan_.scope.path_names;
  for (std::size_t i = 0; i < names.size() && i < path_.size(); ++i) {
    if (!params || PyDict_SetItem(params.get(), names[i].get(), path_[i].get()) != 0) return {};
  }
  return params;
}

bool Inputs::is_json() const {
  const auto type = door_.head().header("content-type");
  if (!type || type->empty()) return !plan_.strict_content_type;
  return text::is_json(*type);
}

bool Inputs::set_body(PyRef bytes) {
  body_bytes_ = std::move(bytes);
  if (PyBytes_GET_SIZE(body_bytes_.get()) == 0) return true;
  if (!is_json()) {
    body_ = PyRef::borrow(body_bytes_.get());
    return true;
  }
  is_document_ = true;
  if (!plan_.json_watch.changed()) {
    body_ = PyRef::steal(PyObject_CallOneArg(plan_.parse_json.get(), body_bytes_.get()));
    if (body_) return true;
    // from_json equals json.loads wherever it succeeds; where it refuses, FastAPI's way decides.
    PyErr_Clear();
  }
  PyObject* const scope = door_.scope();
  if (scope == nullptr) return false;
  std::array<PyObject*, 2> arguments{body_bytes_.get(), scope};
  body_ = PyRef::steal(PyObject_Vectorcall(plan_.decode_body.get(), arguments.data(), arguments.size(), nullptr));
  return static_cast<bool>(body_);
}

Inputs::Found Inputs::find_in_query(const ParameterPlan& parameter, PyRef& out, std::size_t& alias) {
  if (!query_) query_.emplace(door_.head().query);
  for (std::size_t i = 0; i < parameter.aliases.size(); ++i) {
    if (parameter.many) {
      const auto values = query_->all(parameter.aliases[i]);
      if (values.empty()) continue;
      out = list_of(values, query_str);
    } else {
      const auto value = query_->last(parameter.aliases[i]);
      if (!value) continue;
      out = query_str(*value);
    }
    alias = i;
    return out ? Found::kValue : Found::kFailed;
  }
  return Found::kAbsent;
}

Inputs::Found Inputs::find_in_headers(const ParameterPlan& parameter, PyRef& out, std::size_t& alias) {
  for (std::size_t i = 0; i < parameter.aliases.size(); ++i) {
    const auto values = header_values(door_.head(), parameter.aliases[i]);
    if (values.empty()) continue;
    alias = i;
    out = parameter.many ? list_of(values, header_str) : header_str(values.front());
    return out ? Found::kValue : Found::kFailed;
  }
  return Found::kAbsent;
}

Inputs::Found Inputs::find_in_cookies(const ParameterPlan& parameter, PyRef& out, std::size_t& alias) {
  if (!cookies_) {
    const PyRef fields = list_of(header_values(door_.head(), "cookie"), header_str);
    cookies_ = PyRef::steal(fields ? PyObject_CallOneArg(plan_.parse_cookies.get(), fields.get()) : nullptr);
    if (!cookies_) return Found::kFailed;
  }
  for (std::size_t i = 0; i < parameter.alias_names.size(); ++i) {
    PyObject* value = PyDict_GetItemWithError(cookies_.get(), parameter.alias_names[i].get());
    if (value == nullptr) {
      if (PyErr_Occurred() != nullptr) return Found::kFailed;
      continue;
    }
    alias = i;
    out = PyRef::borrow(value);
    return Found::kValue;
  }
  return Found::kAbsent;
}

Inputs::Found Inputs::find_in_form(const ParameterPlan& parameter, PyRef& out, std::size_t& alias) const {
  for (std::size_t i = 0; form_ != nullptr && i < parameter.aliases.size(); ++i) {
    const FormReading::Found found = form_->find(parameter.aliases[i], parameter.many, out);
    if (found == FormReading::Found::kFailed) return Found::kFailed;
    if (found == FormReading::Found::kAbsent) continue;
    alias = i;
    return Found::kValue;
  }
  return Found::kAbsent;
}

Inputs::Found Inputs::find_body(const ParameterPlan& parameter, PyRef& out) const {
  if (body() == plan_.undefined.get() || (parameter.null_is_absent && body() == Py_None)) return Found::kAbsent;
  out = PyRef::borrow(body());
  return Found::kValue;
}

Inputs::Found Inputs::find(const ParameterPlan& parameter, PyRef& out, std::size_t& alias) {
  switch (parameter.in) {
    case ParameterIn::kPath:
      if (parameter.path_index >= path_.size()) return Found::kAbsent;
      out = PyRef::borrow(path_[parameter.path_index].get());
      return Found::kValue;
    case ParameterIn::kQuery:
      return find_in_query(parameter, out, alias);
    case ParameterIn::kHeader:
      return find_in_headers(parameter, out, alias);
    case ParameterIn::kCookie:
      return find_in_cookies(parameter, out, alias);
    case ParameterIn::kBody:
      return find_body(parameter, out);
    case ParameterIn::kForm:
      return find_in_form(parameter, out, alias);
  }
  return Found::kAbsent;
}

/// validator.validate_python(value, from_attributes=True), as fastapi._compat.v2.ModelField.validate calls it.
PyRef Inputs::validated(const ParameterPlan& parameter, PyObject* value) {
  std::array<PyObject*, 2> arguments{value, Py_True};
  return PyRef::steal(PyObject_Vectorcall(parameter.validate.get(), arguments.data(), 1, plan_.from_attributes.get()));
}

Inputs::Result Inputs::refused(const ParameterPlan& parameter, std::size_t alias, PyObject* error, PyRef& out) {
  out = PyRef::steal(PyObject_CallFunction(parameter.errors.get(), "nO", static_cast<Py_ssize_t>(alias), error));
  return out ? Result::kInvalid : Result::kRaised;
}

Inputs::Result Inputs::extract(const ParameterPlan& parameter, PyRef& out) {
  std::size_t alias = 0;
  const Found found = find(parameter, out, alias);
  if (found == Found::kFailed) return Result::kRaised;
  if (found == Found::kAbsent) {
    if (parameter.required) return refused(parameter, alias, Py_None, out);
    out = parameter.make_default ? PyRef::steal(PyObject_CallNoArgs(parameter.make_default.get()))
                                 : PyRef::borrow(parameter.default_value.get());
    if (!out) return Result::kRaised;
    if (!parameter.validate_default) return Result::kValue;
  }
  if (!parameter.validate) return Result::kValue;
  PyRef value = validated(parameter, out.get());
  if (value) {
    out = std::move(value);
    return Result::kValue;
  }
  if (PyErr_ExceptionMatches(plan_.validation_error.get()) == 0) return Result::kRaised;
  const PyRef error = pyloop::take_exception();
  return refused(parameter, alias, error.get(), out);
}

namespace {

constexpr std::string_view kBearer = "bearer ";

/// Where Python's strip() would take something away.
bool has_outer_space(std::string_view text) noexcept {
  const auto may_be_space = [](char c) { return c <= ' ' || c == '\x7f' || !text::is_ascii(c); };
  return may_be_space(text.front()) || may_be_space(text.back());
}

}  // namespace

PyRef Inputs::credential(const CredentialPlan& plan) {
  static PyObject* const keywords = Py_BuildValue("(ss)", "scheme", "credentials");
  if (!is_unchanged(reinterpret_cast<PyTypeObject*>(plan.kind.get()), plan.version)) return {};
  PyRef found;
  std::size_t alias = 0;
  if (find(plan.parameter, found, alias) != Found::kValue) return {};
  if (PyUnicode_GET_LENGTH(found.get()) == 0) return {};
  if (!plan.bearer) return found;
  const std::optional<std::string_view> text = ascii_view(found.get());
  if (!text || text->size() <= kBearer.size()) return {};
  if (!text::equals_lower(text->substr(0, kBearer.size()), kBearer)) return {};
  const std::string_view credentials = text->substr(kBearer.size());
  if (has_outer_space(credentials)) return {};
  PyRef value = header_str(credentials);
  if (!plan.make) return value;
  const PyRef scheme = header_str(text->substr(0, kBearer.size() - 1));
  if (!value || !scheme) return {};
  std::array<PyObject*, 2> arguments{scheme.get(), value.get()};
  return PyRef::steal(PyObject_Vectorcall(plan.make.get(), arguments.data(), 0, keywords));
}

int Inputs::traverse(visitproc visit, void* arg) const {
  for (const PyRef& value : path_) Py_VISIT(value.get());
  Py_VISIT(cookies_.get());
  Py_VISIT(body_.get());
  return 0;
}

void Inputs::clear() noexcept {
  path_.clear();
  cookies_.reset();
  body_.reset();
  body_bytes_.reset();
}

}  // namespace data_bridge::bridge
