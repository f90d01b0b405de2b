// DatagramTransportBase: asyncio's datagram transport for IPv4 and IPv6, without Python frames and with several
// datagrams read by one system call.
//
// It stands before asyncio's own _SelectorDatagramTransport in the bases of data_bridge.transports.DatagramTransport,
// shares its attributes by name, and leaves what is unusual (a queue, a name to resolve, a wrong type) to it.
#include "pyloop/datagram_transport.hpp"

#include <structmember.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <new>
#include <utility>

#include "pyloop/inet_address.hpp"
#include "pyloop/loop_state.hpp"
#include "pyloop/loop_type.hpp"
#include "pyloop/py_error.hpp"

namespace data_bridge::pyloop {

namespace {

// All object members are cleared and traversed by CPython as slots are (T_OBJECT_EX).
struct Fields {
  PyObject* loop;
  PyObject* protocol;
  PyObject* buffer;
  PyObject* address;
  PyObject* backlog;  // list of (data, address): read, but not delivered yet
  int fd;
  int family;
  int conn_lost;
  char closing;
  char paused;
  char connected;
};

Py_ssize_t fields_offset = 0;
PyObject* name_datagram_received = nullptr;
PyObject* name_error_received = nullptr;
PyObject* name_send_slowly = nullptr;
PyObject* name_keep_backlog = nullptr;

Fields& of(PyObject* self) noexcept {
  return *reinterpret_cast<Fields*>(reinterpret_cast<char*>(self) + fields_offset);
}

bool delivers(const Fields& fields) noexcept {
  return fields.conn_lost == 0 && fields.closing == 0 && fields.paused == 0 && fields.protocol != nullptr;
}

// With errno set. What error_received() raises is the caller's.
PyObject* report_error(const Fields& fields) {
  PyErr_SetFromErrno(PyExc_OSError);
  const PyRef exception = take_exception();
  const PyRef protocol = PyRef::borrow(fields.protocol);
  if (!protocol || !exception) Py_RETURN_NONE;
  PyObject* argv[] = {protocol.get(), exception.get()};
  return PyObject_VectorcallMethod(name_error_received, argv, 2, nullptr);
}

// --- reading --------------------------------------------------------------------------------------------

// A datagram is either delivered or kept, unless the transport was closed, whose unread datagrams are lost in the
// kernel, too.
class Delivery {
 public:
  explicit Delivery(PyObject* self) noexcept : self_(self) {}

  void add(PyRef data, PyRef address) noexcept {
    data_[count_] = std::move(data);
    addresses_[count_++] = std::move(address);
  }

  /// False with the exception of one datagram; those behind it are kept.
  [[nodiscard]] bool run() {
    for (; next_ < count_; ++next_) {
      const Fields& fields = of(self_);
      if (!delivers(fields)) return keep();
      const PyRef protocol = PyRef::borrow(fields.protocol);
      const PyRef data = std::move(data_[next_]);
      const PyRef address = std::move(addresses_[next_]);
      PyObject* argv[] = {protocol.get(), data.get(), address.get()};
      if (PyRef::steal(PyObject_VectorcallMethod(name_datagram_received, argv, 3, nullptr))) continue;
      ++next_;
      PyRef exception = take_exception();
      if (keep()) raise_exception(std::move(exception));
      return false;
    }
    return true;
  }

 private:
  bool keep() {
    const Fields& fields = of(self_);
    if (next_ == count_ || fields.closing != 0 || fields.conn_lost != 0) return true;
    const PyRef rest = PyRef::steal(PyList_New(0));
    if (!rest) return false;
    for (; next_ < count_; ++next_) {
      const PyRef pair = PyRef::steal(PyTuple_Pack(2, data_[next_].get(), addresses_[next_].get()));
      if (!pair || PyList_Append(rest.get(), pair.get()) < 0) return false;
    }
    return static_cast<bool>(PyRef::steal(PyObject_CallMethodOneArg(self_, name_keep_backlog, rest.get())));
  }

  PyObject* self_;
  std::size_t count_ = 0;
  std::size_t next_ = 0;
  std::array<PyRef, DatagramInbox::kBatch> data_;
  std::array<PyRef, DatagramInbox::kBatch> addresses_;
};

PyObject* deliver_backlog(PyObject* self) {
  Fields& fields = of(self);
  const PyRef backlog = PyRef::steal(std::exchange(fields.backlog, nullptr));
  Delivery delivery(self);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(backlog.get()); ++i) {
    PyObject* pair = PyList_GET_ITEM(backlog.get(), i);
    delivery.add(PyRef::borrow(PyTuple_GET_ITEM(pair, 0)), PyRef::borrow(PyTuple_GET_ITEM(pair, 1)));
  }
  if (!delivery.run()) return nullptr;
  Py_RETURN_NONE;
}

PyObject* read_ready(PyObject* self, PyObject*) {
  Fields& fields = of(self);
  if (!delivers(fields) || fields.loop == nullptr || !is_loop(fields.loop)) Py_RETURN_NONE;
  if (fields.backlog != nullptr) return deliver_backlog(self);
  LoopState& state = LoopState::of(fields.loop);
  DatagramInbox* inbox = state.datagram_inbox();
  if (inbox == nullptr) return PyErr_NoMemory();
  const int received = inbox->receive(fields.fd);
  if (received < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) Py_RETURN_NONE;
    return report_error(fields);
  }
  std::array<PyRef, DatagramInbox::kBatch> copies;
  std::array<InetAddress, DatagramInbox::kBatch> senders;
  const auto count = static_cast<std::size_t>(received);
  for (std::size_t i = 0; i < count; ++i) {
    const auto bytes = inbox->data(i);
    copies[i] = PyRef::steal(PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
    if (!copies[i]) return nullptr;
    senders[i] = inbox->sender(i);
  }
  // From here on the inbox is free for others; a new tuple may already start a collection of garbage, and its
  // finalisers may read.
  Delivery delivery(self);
  for (std::size_t i = 0; i < count; ++i) {
    PyRef address = state.addresses().tuple_of(senders[i]);
    if (!address) return nullptr;
    delivery.add(std::move(copies[i]), std::move(address));
  }
  if (!delivery.run()) return nullptr;
  Py_RETURN_NONE;
}

// --- writing --------------------------------------------------------------------------------------------

bool is_bytes_like(PyObject* data) noexcept {
  return PyBytes_CheckExact(data) || PyByteArray_CheckExact(data) || PyMemoryView_Check(data);
}

// What `address` says about the receiver; false where asyncio's own code must look at it.
bool receiver(const Fields& fields, PyObject* address, InetAddress& target) noexcept {
  const bool bound = fields.address != nullptr && fields.address != Py_None;
  if (bound && address != Py_None && address != fields.address) return false;
  if (fields.connected != 0) return true;
  return !bound && parse_address(fields.family, address, target);
}

PyObject* sendto(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  Fields& fields = of(self);
  const bool plain = kwnames == nullptr && (nargs == 1 || nargs == 2) && is_bytes_like(args[0]) &&
                     fields.conn_lost == 0 && fields.buffer != nullptr && fields.loop != nullptr &&
                     is_loop(fields.loop);
  InetAddress target;
  if (plain && receiver(fields, nargs == 2 ? args[1] : Py_None, target)) {
    const Py_ssize_t queued = PyObject_Size(fields.buffer);
    if (queued < 0) return nullptr;
    Py_buffer view;
    if (queued == 0 && PyObject_GetBuffer(args[0], &view, PyBUF_SIMPLE) == 0) {
      // An empty datagram is one of the things on which the versions of asyncio differ.
      const bool empty = view.len == 0;
      const ssize_t sent = empty ? -1
                                 : ::sendto(fields.fd, view.buf, static_cast<std::size_t>(view.len), MSG_NOSIGNAL,
                                            target.size == 0 ? nullptr : &target.any, target.size);
      const int error = errno;
      PyBuffer_Release(&view);
      if (!empty) {
        if (sent >= 0) Py_RETURN_NONE;
        errno = error;
        // Where it would block, asyncio's own code tries once more and queues it.
        if (error != EAGAIN && error != EWOULDBLOCK && error != EINTR) return report_error(fields);
      }
    }
    PyErr_Clear();
  }
  PyObject* stack[8] = {self};
  const Py_ssize_t count = nargs + (kwnames == nullptr ? 0 : PyTuple_GET_SIZE(kwnames));
  if (count > 7) return PyErr_Format(PyExc_TypeError, "sendto() takes from 1 to 2 arguments");
  std::copy_n(args, count, stack + 1);
  return PyObject_VectorcallMethod(name_send_slowly, stack, static_cast<std::size_t>(nargs) + 1, kwnames);
}

template <typename Function>
PyCFunction method(Function function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef methods[] = {
    {"_read_ready", read_ready, METH_NOARGS, nullptr},
    {"sendto", method(sendto), METH_FASTCALL | METH_KEYWORDS,
     "sendto($self, data, addr=None)\n--\n\nSend `data` to `addr`, or to the peer of the endpoint; does not block."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

int register_datagram_transport(PyObject* module) {
  const PyRef transports = PyRef::steal(PyImport_ImportModule("asyncio.transports"));
  if (!transports) return -1;
  const PyRef base = PyRef::steal(PyObject_GetAttrString(transports.get(), "_FlowControlMixin"));
  name_datagram_received = PyUnicode_InternFromString("datagram_received");
  name_error_received = PyUnicode_InternFromString("error_received");
  name_send_slowly = PyUnicode_InternFromString("_send_slowly");
  name_keep_backlog = PyUnicode_InternFromString("_keep_backlog");
  if (!base || name_datagram_received == nullptr || name_error_received == nullptr || name_send_slowly == nullptr ||
      name_keep_backlog == nullptr) {
    return -1;
  }
  constexpr Py_ssize_t kAlign = alignof(Fields);
  fields_offset = (reinterpret_cast<PyTypeObject*>(base.get())->tp_basicsize + kAlign - 1) / kAlign * kAlign;
  const auto at = [](std::size_t offset) { return fields_offset + static_cast<Py_ssize_t>(offset); };
  // Static: type objects of CPython before 3.12 keep pointing at it.
  static PyMemberDef members[] = {{"_loop", T_OBJECT_EX, at(offsetof(Fields, loop)), 0, nullptr},
                                  {"_protocol", T_OBJECT_EX, at(offsetof(Fields, protocol)), 0, nullptr},
                                  {"_buffer", T_OBJECT_EX, at(offsetof(Fields, buffer)), 0, nullptr},
                                  {"_address", T_OBJECT_EX, at(offsetof(Fields, address)), 0, nullptr},
                                  {"_backlog", T_OBJECT_EX, at(offsetof(Fields, backlog)), 0, nullptr},
                                  {"_sock_fd", T_INT, at(offsetof(Fields, fd)), 0, nullptr},
                                  {"_family", T_INT, at(offsetof(Fields, family)), 0, nullptr},
                                  {"_conn_lost", T_INT, at(offsetof(Fields, conn_lost)), 0, nullptr},
                                  {"_closing", T_BOOL, at(offsetof(Fields, closing)), 0, nullptr},
                                  {"_paused", T_BOOL, at(offsetof(Fields, paused)), 0, nullptr},
                                  {"_connected", T_BOOL, at(offsetof(Fields, connected)), 0, nullptr},
                                  {nullptr, 0, 0, 0, nullptr}};
  PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("The native half of data_bridge.transports.DatagramTransport.")},
                         {Py_tp_methods, methods},
                         {Py_tp_members, members},
                         {0, nullptr}};
  PyType_Spec spec = {"data_bridge._core.DatagramTransportBase",
                      static_cast<int>(fields_offset + static_cast<Py_ssize_t>(sizeof(Fields))), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  PyObject* type = PyType_FromSpecWithBases(&spec, base.get());
  if (type == nullptr) return -1;
  return PyModule_AddObjectRef(module, "DatagramTransportBase", type);
}

}  // namespace data_bridge::pyloop
