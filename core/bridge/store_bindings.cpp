// What is done to a store beside serving it, for Python.
#include "bridge/store_bindings.hpp"

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crud/open_store.hpp"

namespace nb = nanobind;

namespace data_bridge::bridge {
namespace {

/// Named by the binding; a type of this file's, so that nobody else's StoreBackup is taken for it.
struct StoreBackup {
  storage::sqlite::Backup backup;
};

template <typename Result>
Result value_of(std::expected<Result, storage::Error> result) {
  if (!result) raise_store_error(result.error());
  return std::move(*result);
}

void begin_backup(StoreBackup* self, std::string_view url, const std::string& target) {
  auto begun = [&] {
    const nb::gil_scoped_release released;
    return crud::back_up_store(url, target);
  }();
  new (self) StoreBackup{value_of(std::move(begun))};
}

bool step_backup(StoreBackup& self) {
  auto stepped = [&] {
    const nb::gil_scoped_release released;
    return self.backup.step();
  }();
  return value_of(std::move(stepped));
}

std::vector<std::string> check(std::string_view url) {
  auto checked = [&] {
    const nb::gil_scoped_release released;
    return crud::check_store(url);
  }();
  return value_of(std::move(checked));
}

}  // namespace

void raise_store_error(const storage::Error& error) {
  switch (error.code) {
    case storage::Errc::kSchemaMismatch:
    case storage::Errc::kInvalidArgument:
      throw nb::value_error(error.detail.c_str());
    default:
      PyErr_SetString(PyExc_OSError, error.detail.c_str());
      throw nb::python_error();
  }
}

void bind_store_maintenance(nb::module_& module) {
  nb::class_<StoreBackup>(module, "StoreBackup", "A copy of a store as it is at this moment, made step by step.")
      .def("__init__", &begin_backup, nb::arg("url"), nb::arg("target"),
           "Raises ValueError for a URL that is none of a store and for a target that exists, OSError where the "
           "database fails.")
      .def("step", &step_backup, "Copies some more, without the GIL; True when all is done and `target` there.")
      .def_prop_ro("copied", [](const StoreBackup& self) { return self.backup.copied(); })
      .def_prop_ro("total", [](const StoreBackup& self) { return self.backup.total(); });
  module.def("check_store", &check, nb::arg("url"), "What is wrong with a store's database; empty where it is whole.");
}

}  // namespace data_bridge::bridge
