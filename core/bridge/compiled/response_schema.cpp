// Reads a ResponseSchema of data_bridge.compile.response_schema into a ResponseWriter.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "bridge/compiled/response_writer.hpp"
#include "json/writer.hpp"

namespace data_bridge::bridge {

namespace nb = nanobind;
using pyloop::PyRef;

namespace {

/// An interned str, by which the keys of most dicts are found without a look at their characters.
PyRef interned(nb::handle text) {
  PyObject* str = text.inc_ref().ptr();
  PyUnicode_InternInPlace(&str);
  return PyRef::steal(str);
}

void read_bound(nb::handle source, const char* name, double& bound) {
  if (const nb::object value = source.attr(name); !value.is_none()) bound = nb::cast<double>(value);
}

json::FixedText key_text(const std::string& key) {
  std::string text;
  json::append_string(text, key);
  text.push_back(':');
  return json::FixedText(std::move(text));
}

}  // namespace

void ResponseWriter::read_node(PyObject* object, Node& node) {
  constexpr std::array<std::pair<std::string_view, Kind>, 21> kKinds{{
      {"any", Kind::kAny},
      {"none", Kind::kNone},
      {"bool", Kind::kBool},
      {"int", Kind::kInt},
      {"float", Kind::kFloat},
      {"str", Kind::kStr},
      {"datetime", Kind::kDatetime},
      {"date", Kind::kDate},
      {"uuid", Kind::kUuid},
      {"decimal", Kind::kDecimal},
      {"literal", Kind::kLiteral},
      {"enum", Kind::kEnum},
      {"nullable", Kind::kNullable},
      {"list", Kind::kList},
      {"dict", Kind::kDict},
      {"set", Kind::kSet},
      {"union", Kind::kUnion},
      {"function-before", Kind::kFunction},
      {"function-after", Kind::kFunction},
      {"function-wrap", Kind::kFunction},
      {"model", Kind::kModel},
  }};
  const nb::handle source(object);
  const auto name = nb::cast<std::string>(source.attr("kind"));
  const auto* const kind = std::ranges::find(kKinds, name, &std::pair<std::string_view, Kind>::first);
  if (kind == kKinds.end()) throw nb::value_error("not a response schema of this version");
  node.kind = kind->second;
  node.checks = nb::cast<bool>(source.attr("checks"));
  if (const nb::object item = source.attr("item"); !item.is_none()) node.item = nb::cast<std::size_t>(item);
  node.members = nb::cast<std::vector<std::size_t>>(source.attr("members"));
  node.cls = PyRef::borrow(nb::object(source.attr("cls")).ptr());
  node.forbids_extra = nb::cast<bool>(source.attr("forbids_extra"));
  read_bound(source, "least", node.least);
  read_bound(source, "most", node.most);
  read_bound(source, "above", node.above);
  read_bound(source, "below", node.below);
  for (auto [choice, json] : nb::cast<nb::dict>(source.attr("choices"))) {
    node.choices.emplace_back(PyRef::borrow(nb::handle(choice).ptr()), nb::cast<std::string>(json));
  }
  node.values = PyRef::borrow(nb::object(source.attr("values")).ptr());
  for (nb::handle each : source.attr("fields")) {
    Field field{.name = interned(nb::object(each.attr("name")))};
    for (nb::handle key : each.attr("keys")) field.keys.push_back(interned(key));
    field.text = key_text(nb::cast<std::string>(each.attr("output_key")));
    field.node = nb::cast<std::size_t>(each.attr("node"));
    if (nb::cast<bool>(each.attr("has_default"))) {
      field.default_value = PyRef::borrow(nb::object(each.attr("default")).ptr());
    }
    field.excluded = nb::cast<bool>(each.attr("excluded"));
    node.fields.push_back(std::move(field));
  }
}

std::unique_ptr<ResponseWriter> ResponseWriter::read(PyObject* schema) {
  try {
    const nb::handle source(schema);
    auto writer = std::make_unique<ResponseWriter>();
    for (nb::handle node : source.attr("nodes")) read_node(node.ptr(), writer->nodes_.emplace_back());
    writer->floats_ =
        nb::cast<bool>(source.attr("python_floats")) ? json::FloatStyle::kPython : json::FloatStyle::kPydantic;
    writer->exponents_ = nb::cast<bool>(source.attr("exponents"));
    writer->exclude_unset_ = nb::cast<bool>(source.attr("exclude_unset"));
    writer->exclude_none_ = nb::cast<bool>(source.attr("exclude_none"));
    const auto known = [&writer](std::size_t index) { return index < writer->nodes_.size(); };
    for (const Node& node : writer->nodes_) {
      if (!known(node.item) || !std::ranges::all_of(node.members, known) ||
          !std::ranges::all_of(node.fields, known, &Field::node)) {
        throw nb::value_error("a response schema whose nodes are not all there");
      }
    }
    if (writer->nodes_.empty()) throw nb::value_error("a response schema without nodes");
    return writer;
  } catch (nb::python_error& error) {
    error.restore();
  } catch (const std::exception& error) {
    PyErr_Format(PyExc_TypeError, "not a response schema of this version: %s", error.what());
  }
  return nullptr;
}

}  // namespace data_bridge::bridge
