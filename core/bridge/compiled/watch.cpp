// Compares what routes were compiled from with what is there now.
#include "bridge/compiled/watch.hpp"

#include <algorithm>
#include <utility>

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

// For what switches telemetry on: long enough to cost nothing under load, short enough that nobody waits for it.
constexpr std::chrono::milliseconds kPollInterval{20};

/// Another one after each change (PEP 509); 0 where there is none: it is deprecated since 3.12.
std::uint64_t version_of([[maybe_unused]] PyObject* dict) noexcept {
#if PY_VERSION_HEX < 0x030C0000
  return reinterpret_cast<PyDictObject*>(dict)->ma_version_tag;
#else
  return 0;
#endif
}

}  // namespace

bool RouteWatch::set(PyObject* attributes, PyObject* lists) {
  std::vector<Object> watched;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(attributes); ++i) {
    PyObject* object = nullptr;
    PyObject* name = nullptr;
    PyObject* value = nullptr;
    if (!PyArg_ParseTuple(PyList_GET_ITEM(attributes, i), "OUO", &object, &name, &value)) return false;
    PyRef dict = PyRef::steal(PyObject_GenericGetDict(object, nullptr));
    if (!dict) return false;
    auto known = std::ranges::find_if(watched, [&](const Object& one) { return one.dict.get() == dict.get(); });
    if (known == watched.end()) {
      known = watched.emplace(watched.end());
      known->dict = std::move(dict);
    }
    known->attributes.push_back({PyRef::borrow(name), PyRef::borrow(value)});
  }
  std::vector<List> copies;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(lists); ++i) {
    PyObject* list = nullptr;
    PyObject* items = nullptr;
    if (!PyArg_ParseTuple(PyList_GET_ITEM(lists, i), "O!O!", &PyList_Type, &list, &PyTuple_Type, &items)) return false;
    copies.push_back({PyRef::borrow(list), PyRef::borrow(items)});
  }
  // Swapped, not assigned: what goes with the old ones may run arbitrary code, and a request in it is compared with
  // both of the new.
  objects_.swap(watched);
  lists_.swap(copies);
  return true;
}

bool RouteWatch::changed(Object& object) noexcept {
  const std::uint64_t version = version_of(object.dict.get());
  if (version != 0 && version == object.version) return false;
  for (const Attribute& attribute : object.attributes) {
    // Borrowed; null where the attribute was deleted, and then nothing else can be wrong with a str for a key.
    if (PyDict_GetItemWithError(object.dict.get(), attribute.name.get()) != attribute.value.get()) {
      PyErr_Clear();
      return true;
    }
  }
  object.version = version;
  return false;
}

bool RouteWatch::changed() const noexcept {
  if (std::ranges::any_of(objects_, [](Object& object) { return changed(object); })) return true;
  for (const List& watched : lists_) {
    const Py_ssize_t size = PyTuple_GET_SIZE(watched.items.get());
    if (PyList_GET_SIZE(watched.list.get()) != size) return true;
    for (Py_ssize_t i = 0; i < size; ++i) {
      if (PyList_GET_ITEM(watched.list.get(), i) != PyTuple_GET_ITEM(watched.items.get(), i)) return true;
    }
  }
  return false;
}

bool PlanGuard::begin_generation(PyObject* attributes, PyObject* lists) {
  auto next = std::make_shared<Generation>();
  std::exchange(generation_, std::move(next))->current = false;
  return watch_.set(attributes, lists);
}

void PlanGuard::retire() noexcept {
  generation_->current = false;
  generation_ = std::make_shared<Generation>();
  watch_ = {};
  still_valid_.reset();
}

bool PlanGuard::valid(Generation& generation, std::optional<Clock::time_point> head_at) noexcept {
  if (head_at && *head_at <= generation.last_valid) return true;
  if (!generation.current) return false;
  if (watch_.changed()) return ask(true);
  const auto now = Clock::now();
  if (now >= next_check_) {
    next_check_ = now + kPollInterval;
    valid_ = ask(false);
  }
  if (valid_) generation.last_valid = now;
  return valid_;
}

bool PlanGuard::ask(bool changed) noexcept {
  if (!still_valid_) return false;
  PyRef answer = PyRef::steal(PyObject_CallOneArg(still_valid_.get(), changed ? Py_True : Py_False));
  if (!answer) PyErr_WriteUnraisable(still_valid_.get());
  return answer.get() == Py_True;
}

}  // namespace data_bridge::bridge
