// Reads a form without a request around it.
#include "bridge/form_bindings.hpp"

#include <memory>
#include <optional>

#include "bridge/compiled/form.hpp"
#include "bridge/compiled/plan.hpp"
#include "bridge/text.hpp"

namespace nb = nanobind;

namespace data_bridge::bridge {

namespace {

nb::object owned(pyloop::PyRef object) {
  if (!object) throw nb::python_error();
  return nb::steal(object.release());
}

/// What `due` are to be written, and what was read: a FormData, or a list of what it was read from; None: no such type.
nb::object read_form(const nb::bytes& content_type, const nb::list& body, nb::handle native) {
  const std::optional<FormPlan> plan = read_form_plan(native.ptr());
  if (!plan) throw nb::python_error();
  const std::unique_ptr<FormReading> form = FormReading::begin(*plan, bytes_view(content_type.ptr()), std::nullopt);
  if (form == nullptr) return nb::none();
  auto status = FormReading::Status::kGood;
  nb::list due;
  nb::list rest;
  for (nb::handle piece : body) {
    if (status != FormReading::Status::kGood) {
      rest.append(piece);
      continue;
    }
    status = form->feed(bytes_view(nb::cast<nb::bytes>(piece).ptr()));
    if (status != FormReading::Status::kRaised) due.extend(owned(form->take_due()));
  }
  if (status == FormReading::Status::kGood) status = form->finish();
  if (status == FormReading::Status::kRaised) throw nb::python_error();
  if (status == FormReading::Status::kGood) return nb::make_tuple(due, owned(form->make_form()));
  nb::object pieces = owned(form->pieces());
  return nb::make_tuple(due, pieces + rest);
}

}  // namespace

void bind_forms(nb::module_& module) {
  module.def("read_form", read_form, nb::arg("content_type"), nb::arg("body"), nb::arg("native"));
}

}  // namespace data_bridge::bridge
