// Whether an application's routes are still those that were compiled.
#pragma once

#include <Python.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// What compiled routes were read from, or go around: attributes that must be the same objects, and lists that must
/// hold the same ones. Looked at for every request, because only that is exact: a route that a handler, or another
/// thread, adds counts for the next request. Some ten nanoseconds for each attribute, or for all of an object's where a
/// dict has a version (CPython 3.11). With the GIL.
class RouteWatch {
 public:
  /// `attributes`: [(object, name, value)], each in the object's own __dict__. `lists`: [(list, tuple of its items)].
  /// False with a Python exception set where that is not so.
  [[nodiscard]] bool set(PyObject* attributes, PyObject* lists);
  [[nodiscard]] bool changed() const noexcept;

 private:
  struct Attribute {
    pyloop::PyRef name;
    pyloop::PyRef value;
  };
  struct Object {
    pyloop::PyRef dict;
    std::vector<Attribute> attributes;
    std::uint64_t version = 0;  ///< of the dict, when its attributes were looked at last
  };
  struct List {
    pyloop::PyRef list;
    pyloop::PyRef items;
  };

  [[nodiscard]] static bool changed(Object& object) noexcept;

  mutable std::vector<Object> objects_;  // what they have is not changed by looking at it
  std::vector<List> lists_;
};

/// Decides for each request whether what was compiled may answer it. On the loop's thread, with the GIL.
class PlanGuard {
 public:
  /// `still_valid`: (changed: bool) -> bool (server.py). Called with True when the watch has seen a change, which
  /// starts a recompilation; else, every few milliseconds, for what cannot be watched.
  explicit PlanGuard(PyObject* still_valid) : still_valid_(pyloop::PyRef::borrow(still_valid)) {}

  /// What is compiled from now on was read from this. False with a Python exception set; see RouteWatch::set().
  [[nodiscard]] bool begin_generation(PyObject* attributes, PyObject* lists);
  /// Nothing that was compiled may answer any more; lets go of all that is watched and asked.
  void retire() noexcept;
  using Clock = std::chrono::steady_clock;
  /// What begin_generation() began: a request may have been routed by a table that was replaced since, perhaps because
  /// of the very change that its client had seen.
  struct Generation {
    bool current = true;
    Clock::time_point last_valid{};  ///< when it was last known to be what the application is
  };
  [[nodiscard]] const std::shared_ptr<Generation>& generation() const noexcept { return generation_; }
  /// Whether what was compiled in `generation` may answer now. `head_at`: when the head of a request came in whose body
  /// was long in coming, else nothing. The application would have routed it then, so that it counts what was in force
  /// at that time.
  [[nodiscard]] bool valid(Generation& generation, std::optional<Clock::time_point> head_at = std::nullopt) noexcept;

 private:
  [[nodiscard]] bool ask(bool changed) noexcept;

  RouteWatch watch_;
  std::shared_ptr<Generation> generation_ = std::make_shared<Generation>();
  pyloop::PyRef still_valid_;
  Clock::time_point next_check_{};
  bool valid_ = true;
};

}  // namespace data_bridge::bridge
