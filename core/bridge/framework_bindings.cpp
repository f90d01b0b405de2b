// Prototypes and plain values of the frameworks, for data_bridge.compile.
#include "bridge/framework_bindings.hpp"

#include "bridge/compiled/prototype.hpp"
#include "bridge/compiled/starlette_values.hpp"

namespace nb = nanobind;

namespace data_bridge::bridge {

void bind_framework(nb::module_& module) {
  if (!ready_prototype_type()) throw nb::python_error();
  module.def(
      "prototype",
      [](nb::handle make, const nb::list& nodes, Py_ssize_t given) {
        pyloop::PyRef made = make_prototype(make.ptr(), nodes.ptr(), given);
        if (!made) throw nb::python_error();
        return nb::steal(made.release());
      },
      nb::arg("make"), nb::arg("nodes"), nb::arg("given"));
  module.def(
      "fill_url",
      [](nb::handle url, nb::handle scope, const nb::type_object& split_result) {
        const int done = fill_url(url.ptr(), scope.ptr(), reinterpret_cast<PyTypeObject*>(split_result.ptr()));
        if (done < 0) throw nb::python_error();
        return done != 0;
      },
      nb::arg("url"), nb::arg("scope"), nb::arg("split_result"));
  module.def(
      "plain_cookies",
      [](nb::handle field) -> nb::object {
        pyloop::PyRef cookies = plain_cookies(field.ptr());
        if (!cookies && PyErr_Occurred() != nullptr) throw nb::python_error();
        return cookies ? nb::steal(cookies.release()) : nb::none();
      },
      nb::arg("field"));
}

}  // namespace data_bridge::bridge
