#include "bridge/response_bindings.hpp"

#include <nanobind/stl/unique_ptr.h>

#include <memory>
#include <string>

#include "bridge/compiled/response_writer.hpp"

namespace nb = nanobind;

namespace data_bridge::bridge {

void bind_responses(nb::module_& module) {
  nb::class_<ResponseWriter>(module, "ResponseWriter", nb::is_final())
      .def(nb::new_([](nb::handle schema) {
             std::unique_ptr<ResponseWriter> writer = ResponseWriter::read(schema.ptr());
             if (!writer) throw nb::python_error();
             return writer;
           }),
           nb::arg("schema"))
      .def(
          "write",
          [](const ResponseWriter& writer, nb::handle value) -> nb::object {
            std::string out;
            if (!writer.write(out, value.ptr())) return nb::none();
            return nb::bytes(out.data(), out.size());
          },
          nb::arg("value"));
}

}  // namespace data_bridge::bridge
