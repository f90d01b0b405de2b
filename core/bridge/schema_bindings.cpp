// Compiled schemas for Python.
#include "bridge/schema_bindings.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "json/writer.hpp"
#include "schema/body.hpp"
#include "schema/model.hpp"
#include "schema/pattern.hpp"
#include "text/media_type.hpp"

namespace nb = nanobind;

namespace data_bridge::bridge {

namespace {

// Python sees a model through a handle: nanobind holds no pointer to const.
struct SchemaModel {
  std::shared_ptr<const schema::Model> model;
};

const char* kind_name(schema::FieldKind kind) noexcept {
  switch (kind) {
    case schema::FieldKind::kInt:
      return "int";
    case schema::FieldKind::kFloat:
      return "float";
    case schema::FieldKind::kString:
      return "str";
    case schema::FieldKind::kBool:
      return "bool";
    case schema::FieldKind::kDatetime:
      return "datetime";
    case schema::FieldKind::kDate:
      return "date";
    case schema::FieldKind::kTime:
      return "time";
    case schema::FieldKind::kDuration:
      return "duration";
    case schema::FieldKind::kDecimal:
      return "decimal";
    case schema::FieldKind::kUuid:
      return "uuid";
    case schema::FieldKind::kJson:
      break;
  }
  return "json";
}

nb::bytes to_bytes(const std::string& text) { return nb::bytes(text.data(), text.size()); }

// (status, body): 200 and the value in JSON mode, or FastAPI's answer to a bad one.
nb::tuple answer(const schema::Model& model, const std::expected<json::Value, schema::Rejection>& result) {
  if (!result) {
    return nb::make_tuple(result.error().status, to_bytes(result.error().body));
  }
  std::string out;
  (void)json::write(out, *result, model.json_style());
  return nb::make_tuple(200, to_bytes(out));
}

nb::tuple validate(const SchemaModel& self, const nb::bytes& body, bool is_json) {
  const std::string_view bytes(body.c_str(), body.size());
  json::Arena arena;
  return answer(*self.model, schema::validate_body(*self.model, bytes, is_json, arena));
}

nb::tuple validate_field(const SchemaModel& self, std::string_view name, std::string_view text,
                         const nb::tuple& where) {
  const std::optional<std::size_t> index = self.model->field_index(name);
  if (!index) {
    throw nb::key_error(std::string(name).c_str());
  }
  std::vector<schema::LocationItem> prefix;
  for (const nb::handle item : where) {
    prefix.emplace_back(nb::cast<std::string>(item));
  }
  json::Arena arena;
  auto result = self.model->validate_field(*index, json::Value::string(text), arena);
  if (!result) {
    return answer(*self.model, std::unexpected(schema::reject(result.error(), prefix)));
  }
  return answer(*self.model, *result);
}

nb::list fields(const SchemaModel& self) {
  nb::list result;
  for (const schema::FieldInfo& field : self.model->fields()) {
    nb::dict entry;
    entry["name"] = field.name;
    entry["input_key"] = field.input_key;
    entry["output_key"] = field.output_key;
    entry["kind"] = kind_name(field.kind);
    entry["nullable"] = field.nullable;
    entry["required"] = field.required;
    result.append(entry);
  }
  return result;
}

}  // namespace

void bind_schema(nb::module_& module) {
  nb::class_<SchemaModel>(module, "SchemaModel",
                          "A Pydantic model compiled to native code; see data_bridge.schema.export_model().")
      .def(
          "__init__",
          [](SchemaModel* self, std::string_view spec) {
            auto model = schema::Model::compile(spec);
            if (!model) {
              throw nb::value_error(model.error().c_str());
            }
            new (self) SchemaModel{std::move(*model)};
          },
          nb::arg("spec"), "Raises ValueError for a text that export_model() did not write.")
      .def("validate", &validate, nb::arg("body"), nb::arg("is_json") = true,
           "The status and body that FastAPI would answer: 200 and the value as model_dump_json(by_alias=True), "
           "or an error. `is_json`: the request's content type is JSON.")
      .def("validate_field", &validate_field, nb::arg("name"), nb::arg("text"), nb::arg("where"),
           "The same for one field given as text, e.g. out of a path; `where` is the start of `loc`.")
      .def("fields", &fields, "Name, keys, kind, nullable and required of every field, in order.")
      .def_prop_ro("name", [](const SchemaModel& self) { return self.model->name(); })
      .def_prop_ro("allows_extra", [](const SchemaModel& self) { return self.model->allows_extra(); });
  module.def(
      "is_json_content_type", [](const nb::bytes& value) { return text::is_json({value.c_str(), value.size()}); },
      nb::arg("value"), "True where FastAPI reads a body of this content type as JSON.");
  module.def(
      "check_pattern",
      [](std::string_view pattern) -> std::optional<std::string> {
        auto compiled = schema::Pattern::compile(pattern);
        return compiled ? std::nullopt : std::optional(compiled.error());
      },
      nb::arg("pattern"), "Why a regular expression cannot run natively with Pydantic's meaning; None if it can.");
}

}  // namespace data_bridge::bridge
