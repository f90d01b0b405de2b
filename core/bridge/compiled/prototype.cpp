// Makes instances by what one of them was found to have.
#include "bridge/compiled/prototype.hpp"

#include <structmember.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "bridge/compiled/class_version.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

struct Attribute {
  PyRef name;
  std::size_t node;
};

struct Node {
  enum class Kind { kShared, kGiven, kNew, kInstance };
  Kind kind = Kind::kShared;
  PyRef object;          // what is shared; the class of what is new, or of an instance
  Py_ssize_t given = 0;  // the argument's place
  unsigned version = 0;  // of an instance's class
  std::vector<Attribute> attributes;
};

// More would not be worth it, and the objects of one call stand on the stack.
constexpr std::size_t kMostNodes = 16;

struct Prototype {
  PyObject_HEAD vectorcallfunc call;
  PyObject* make;
  Py_ssize_t given;
  std::vector<Node> nodes;
};

PyTypeObject* prototype_type = nullptr;

Prototype& self_of(PyObject* object) noexcept { return *reinterpret_cast<Prototype*>(object); }

PyTypeObject* type_of(const Node& node) noexcept { return reinterpret_cast<PyTypeObject*>(node.object.get()); }

bool has_own_classes(const Prototype& self) noexcept {
  return std::ranges::all_of(self.nodes, [](const Node& node) {
    return node.kind != Node::Kind::kInstance || is_unchanged(type_of(node), node.version);
  });
}

using Objects = std::array<PyRef, kMostNodes>;

PyRef make_node(const Node& node, PyObject* const* arguments, const Objects& earlier) {
  switch (node.kind) {
    case Node::Kind::kShared:
      return PyRef::borrow(node.object.get());
    case Node::Kind::kGiven:
      return PyRef::borrow(arguments[node.given]);
    case Node::Kind::kNew:
      return type_of(node) == &PyList_Type ? PyRef::steal(PyList_New(0))
                                           : PyRef::steal(PyObject_CallNoArgs(node.object.get()));
    case Node::Kind::kInstance:
      break;
  }
  static PyObject* const nothing = PyTuple_New(0);
  PyRef made = PyRef::steal(type_of(node)->tp_new(type_of(node), nothing, nullptr));
  for (const auto& [name, index] : node.attributes) {
    if (!made || PyObject_GenericSetAttr(made.get(), name.get(), earlier[index].get()) != 0) return {};
  }
  return made;
}

PyObject* call(PyObject* object, PyObject* const* arguments, std::size_t count, PyObject* keywords) {
  const Prototype& self = self_of(object);
  if (keywords != nullptr || PyVectorcall_NARGS(count) != self.given || !has_own_classes(self)) {
    return PyObject_Vectorcall(self.make, arguments, count, keywords);
  }
  Objects made;
  std::size_t next = 0;
  for (const Node& node : self.nodes) {
    made[next] = make_node(node, arguments, made);
    if (!made[next]) return nullptr;
    ++next;
  }
  return made[next - 1].release();
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  const Prototype& self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self.make);
  for (const Node& node : self.nodes) Py_VISIT(node.object.get());
  return 0;
}

int clear(PyObject* object) {
  Prototype& self = self_of(object);
  for (Node& node : self.nodes) {
    if (node.kind == Node::Kind::kShared) node.object = PyRef::borrow(Py_None);
  }
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  Prototype& self = self_of(object);
  Py_CLEAR(self.make);
  self.nodes.~vector();
  type->tp_free(object);
  Py_DECREF(type);
}

/// Its __new__ does nothing but allocate.
bool is_plain(PyTypeObject* type) noexcept { return type->tp_new == PyBaseObject_Type.tp_new; }

bool read_attributes(PyObject* pairs, std::size_t earlier, std::vector<Attribute>& attributes) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(pairs); ++i) {
    PyObject* name = nullptr;
    Py_ssize_t index = 0;
    if (!PyArg_ParseTuple(PyTuple_GET_ITEM(pairs, i), "Un", &name, &index)) return false;
    if (index < 0 || static_cast<std::size_t>(index) >= earlier) {
      PyErr_SetString(PyExc_ValueError, "an attribute's value must be an earlier node");
      return false;
    }
    Py_INCREF(name);
    PyUnicode_InternInPlace(&name);
    attributes.push_back({PyRef::steal(name), static_cast<std::size_t>(index)});
  }
  return true;
}

bool read_node(PyObject* tuple, std::size_t earlier, Py_ssize_t given, Node& node) {
  const char* kind = nullptr;
  PyObject* value = nullptr;
  PyObject* pairs = nullptr;
  if (!PyTuple_Check(tuple) || !PyArg_ParseTuple(tuple, "sO|O!", &kind, &value, &PyTuple_Type, &pairs)) {
    if (PyErr_Occurred() == nullptr) PyErr_SetString(PyExc_TypeError, "a node is a tuple");
    return false;
  }
  const std::string_view name = kind;
  node.object = PyRef::borrow(value);
  if (name == "given") {
    node.kind = Node::Kind::kGiven;
    node.given = PyLong_AsSsize_t(value);
    if (PyErr_Occurred() != nullptr) return false;
    if (node.given >= 0 && node.given < given) return true;
    PyErr_SetString(PyExc_ValueError, "there is no such argument");
    return false;
  }
  if (name == "shared") return true;
  if ((name != "new" && name != "instance") || !PyType_Check(value)) {
    PyErr_SetString(PyExc_ValueError, "a node is shared, given, new or an instance of a class");
    return false;
  }
  if (name == "new") {
    node.kind = Node::Kind::kNew;
    return true;
  }
  node.kind = Node::Kind::kInstance;
  if (!is_plain(type_of(node))) {
    PyErr_Format(PyExc_TypeError, "%.100s has a __new__ of its own", type_of(node)->tp_name);
    return false;
  }
  node.version = class_version(type_of(node));
  if (node.version == 0) {
    if (PyErr_Occurred() == nullptr) {
      PyErr_Format(PyExc_TypeError, "changes of %.100s cannot be seen", type_of(node)->tp_name);
    }
    return false;
  }
  return pairs == nullptr || read_attributes(pairs, earlier, node.attributes);
}

}  // namespace

bool ready_prototype_type() {
  if (prototype_type != nullptr) return true;
  static PyMemberDef members[] = {
      {"__vectorcalloffset__", T_PYSSIZET, offsetof(Prototype, call), READONLY, nullptr},
      {nullptr, 0, 0, 0, nullptr},
  };
  static PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
      {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(clear)},
      {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
      {Py_tp_members, members},
      {0, nullptr},
  };
  static PyType_Spec spec = {
      "data_bridge._core.Prototype", sizeof(Prototype), 0,
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  prototype_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return prototype_type != nullptr;
}

PyRef make_prototype(PyObject* make, PyObject* nodes, Py_ssize_t given) {
  std::vector<Node> read;
  const Py_ssize_t count = PyList_Check(nodes) ? PyList_GET_SIZE(nodes) : 0;
  if (count == 0 || static_cast<std::size_t>(count) > kMostNodes) {
    PyErr_Format(PyExc_ValueError, "a prototype has 1 to %zu nodes", kMostNodes);
    return {};
  }
  for (Py_ssize_t i = 0; i < count; ++i) {
    Node node;
    if (!read_node(PyList_GET_ITEM(nodes, i), read.size(), given, node)) return {};
    read.push_back(std::move(node));
  }
  auto* self = PyObject_GC_New(Prototype, prototype_type);
  if (self == nullptr) return {};
  self->call = call;
  self->make = Py_NewRef(make);
  self->given = given;
  new (&self->nodes) std::vector<Node>(std::move(read));
  PyObject* const object = reinterpret_cast<PyObject*>(self);
  PyObject_GC_Track(object);
  return PyRef::steal(object);
}

}  // namespace data_bridge::bridge
