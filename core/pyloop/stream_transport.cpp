// StreamTransportBase: reads and writes of asyncio's socket transport, without Python frames and with one vectored
// send for all writes of a turn.
//
// It stands before asyncio's own _SelectorSocketTransport in the bases of data_bridge.transports.SocketTransport,
// shares its attributes by name, and leaves everything unusual (a queue, an error, the end) to it.
#include "pyloop/stream_transport.hpp"

#include <structmember.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <new>
#include <utility>

#include "pyloop/loop_state.hpp"
#include "pyloop/loop_type.hpp"
#include "pyloop/py_error.hpp"

namespace data_bridge::pyloop {

namespace {

// asyncio's max_size: the most that one event delivers.
constexpr std::size_t kReadSize = std::size_t{256} * 1024;
// Writes of a turn are gathered up to this; asyncio's default high-water mark, so that flow control sees the rest.
constexpr Py_ssize_t kGatherLimit = Py_ssize_t{64} * 1024;
constexpr Py_ssize_t kMaxParts = 512;

// All object members are cleared and traversed by CPython as slots are (T_OBJECT_EX).
struct Fields {
  PyObject* loop;
  PyObject* buffer;
  PyObject* empty_waiter;
  PyObject* received;    // protocol.data_received, or
  PyObject* get_buffer;  // protocol.get_buffer and
  PyObject* updated;     // protocol.buffer_updated
  PyObject* pending;     // list of bytes: written in this turn, not sent yet
  Py_ssize_t pending_size;
  Py_ssize_t gather_limit;
  int fd;
  int conn_lost;
  char eof;
  char closing;
};

Py_ssize_t fields_offset = 0;
PyObject* name_fatal_error = nullptr;
PyObject* name_on_eof = nullptr;
PyObject* name_queue_rest = nullptr;
PyObject* name_write_slowly = nullptr;

Fields& of(PyObject* self) noexcept {
  return *reinterpret_cast<Fields*>(reinterpret_cast<char*>(self) + fields_offset);
}

// Reports the pending exception as asyncio does. False where it must leave the loop.
bool fatal_error(PyObject* self, const char* message) {
  PyRef exception = take_exception();
  if (!exception || leaves_the_loop(exception.get())) {
    if (exception) raise_exception(std::move(exception));
    return false;
  }
  const PyRef text = PyRef::steal(PyUnicode_FromString(message));
  if (!text) return false;
  // _fatal_error() logs sys.exc_info(), so the exception is the handled one meanwhile.
  const PyRef outer = PyRef::steal(PyErr_GetHandledException());
  PyErr_SetHandledException(exception.get());
  PyObject* argv[] = {self, exception.get(), text.get()};
  const PyRef done = PyRef::steal(PyObject_VectorcallMethod(name_fatal_error, argv, 3, nullptr));
  PyErr_SetHandledException(outer.get());
  return static_cast<bool>(done);
}

PyObject* none_if(bool good) {
  if (!good) return nullptr;
  Py_RETURN_NONE;
}

// A lost connection has no loop any more (None), and before its initialisation it has none yet.
bool has_loop(const Fields& fields) noexcept { return fields.loop != nullptr && is_loop(fields.loop); }

bool would_block() noexcept { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

// --- reading --------------------------------------------------------------------------------------------

PyObject* read_failed(PyObject* self) {
  if (would_block()) Py_RETURN_NONE;
  PyErr_SetFromErrno(PyExc_OSError);
  return none_if(fatal_error(self, "Fatal read error on socket transport"));
}

PyObject* at_eof(PyObject* self) { return PyObject_CallMethodNoArgs(self, name_on_eof); }

PyObject* read_into_buffer(PyObject* self, Fields& fields) {
  // Strong references: the protocol may change, or the connection end, inside each of the calls.
  const PyRef get_buffer = PyRef::borrow(fields.get_buffer);
  const PyRef updated = PyRef::borrow(fields.updated);
  const PyRef hint = PyRef::steal(PyLong_FromLong(-1));
  const PyRef target = hint ? PyRef::steal(PyObject_CallOneArg(get_buffer.get(), hint.get())) : PyRef();
  Py_buffer view;
  bool good = target && PyObject_GetBuffer(target.get(), &view, PyBUF_WRITABLE) == 0;
  if (good && view.len == 0) {
    PyBuffer_Release(&view);
    PyErr_SetString(PyExc_RuntimeError, "get_buffer() returned an empty buffer");
    good = false;
  }
  if (!good) return none_if(fatal_error(self, "Fatal error: protocol.get_buffer() call failed."));
  const ssize_t count = ::recv(fields.fd, view.buf, static_cast<std::size_t>(view.len), 0);
  const int error = errno;
  PyBuffer_Release(&view);
  errno = error;
  if (count < 0) return read_failed(self);
  if (count == 0) return at_eof(self);
  const PyRef size = PyRef::steal(PyLong_FromSsize_t(count));
  if (size && PyRef::steal(PyObject_CallOneArg(updated.get(), size.get()))) Py_RETURN_NONE;
  return none_if(fatal_error(self, "Fatal error: protocol.buffer_updated() call failed."));
}

PyObject* read_ready(PyObject* self, PyObject*) {
  Fields& fields = of(self);
  if (fields.conn_lost != 0 || !has_loop(fields)) Py_RETURN_NONE;
  if (fields.get_buffer != nullptr) return read_into_buffer(self, fields);
  const PyRef received = PyRef::borrow(fields.received);
  if (!received) Py_RETURN_NONE;

  // One copy into bytes of the exact size. Receiving into 256 KiB of bytes and shrinking them saves the copy, but
  // malloc maps and unmaps pages for it each time: 103 us instead of 32 us for an echo of 100 KiB.
  char* buffer = LoopState::of(fields.loop).read_buffer(kReadSize);
  if (buffer == nullptr) return PyErr_NoMemory();
  const ssize_t count = ::recv(fields.fd, buffer, kReadSize, 0);
  if (count < 0) return read_failed(self);
  if (count == 0) return at_eof(self);
  const PyRef data = PyRef::steal(PyBytes_FromStringAndSize(buffer, count));
  if (!data) return nullptr;
  if (PyRef::steal(PyObject_CallOneArg(received.get(), data.get()))) Py_RETURN_NONE;
  return none_if(fatal_error(self, "Fatal error: protocol.data_received() call failed."));
}

// Keeps the protocol's methods: looking them up costs as much as calling them.
PyObject* bind_protocol(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs != 3) return PyErr_Format(PyExc_TypeError, "_bind() takes 3 arguments");
  Fields& fields = of(self);
  PyObject** slots[] = {&fields.received, &fields.get_buffer, &fields.updated};
  for (std::size_t i = 0; i < 3; ++i) Py_XSETREF(*slots[i], args[i] == Py_None ? nullptr : Py_NewRef(args[i]));
  Py_RETURN_NONE;
}

// --- writing --------------------------------------------------------------------------------------------

// What of `data` was not sent goes into asyncio's own queue, with its flow control.
bool queue_rest(PyObject* self, PyObject* data, Py_ssize_t sent) {
  const PyRef offset = PyRef::steal(PyLong_FromSsize_t(sent));
  if (!offset) return false;
  PyObject* argv[] = {self, data, offset.get()};
  return static_cast<bool>(PyRef::steal(PyObject_VectorcallMethod(name_queue_rest, argv, 3, nullptr)));
}

bool write_failed(PyObject* self) {
  PyErr_SetFromErrno(PyExc_OSError);
  return fatal_error(self, "Fatal write error on socket transport");
}

bool send_now(PyObject* self, Fields& fields, PyObject* data) {
  Py_buffer view;
  if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) return false;
  const ssize_t sent = ::send(fields.fd, view.buf, static_cast<std::size_t>(view.len), MSG_NOSIGNAL);
  const int error = errno;
  const bool whole = sent == view.len;
  PyBuffer_Release(&view);
  errno = error;
  if (whole) return true;
  if (sent < 0 && !would_block()) return write_failed(self);
  return queue_rest(self, data, std::max<Py_ssize_t>(sent, 0));
}

// The parts of a list of bytes as one message.
class Gathered {
 public:
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): vectors_, see there
  explicit Gathered(PyObject* parts) noexcept : count_(static_cast<std::size_t>(PyList_GET_SIZE(parts))) {
    for (std::size_t i = 0; i < count_; ++i) {
      PyObject* part = PyList_GET_ITEM(parts, static_cast<Py_ssize_t>(i));
      vectors_[i] = {PyBytes_AS_STRING(part), static_cast<std::size_t>(PyBytes_GET_SIZE(part))};
      total_ += PyBytes_GET_SIZE(part);
    }
  }

  [[nodiscard]] Py_ssize_t total() const noexcept { return total_; }

  /// As sendmsg(2).
  ssize_t send(int fd) const noexcept {
    if (count_ == 1) return ::send(fd, vectors_[0].iov_base, vectors_[0].iov_len, MSG_NOSIGNAL);
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(vectors_.data());
    message.msg_iovlen = count_;
    return ::sendmsg(fd, &message, MSG_NOSIGNAL);
  }

 private:
  std::size_t count_;
  Py_ssize_t total_ = 0;
  // Only the first count_ are set: clearing 8 KiB for each small write would cost as much as the rest.
  std::array<iovec, static_cast<std::size_t>(kMaxParts)> vectors_;
};

bool flush(PyObject* self, Fields& fields) {
  if (fields.pending_size == 0) return true;
  fields.pending_size = 0;
  const PyRef parts = PyRef::steal(std::exchange(fields.pending, nullptr));
  if (!parts || fields.conn_lost != 0) return true;
  const Gathered gathered(parts.get());
  const ssize_t sent = gathered.send(fields.fd);
  const Py_ssize_t count = PyList_GET_SIZE(parts.get());
  if (sent == gathered.total()) {
    if (fields.pending == nullptr && Py_REFCNT(parts.get()) == 1) {
      // The emptied list serves the next turn.
      if (PyList_SetSlice(parts.get(), 0, count, nullptr) < 0) return false;
      fields.pending = Py_NewRef(parts.get());
    }
    return true;
  }
  if (sent < 0 && !would_block()) return write_failed(self);
  auto skip = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
  for (Py_ssize_t i = 0; i < count; ++i) {
    const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(PyList_GET_ITEM(parts.get(), i)));
    if (skip >= size) {
      skip -= size;
      continue;
    }
    const auto offset = static_cast<Py_ssize_t>(std::exchange(skip, 0));
    if (!queue_rest(self, PyList_GET_ITEM(parts.get(), i), offset)) return false;
  }
  return true;
}

Py_ssize_t size_of(PyObject* data) noexcept {
  if (PyBytes_CheckExact(data)) return PyBytes_GET_SIZE(data);
  if (PyByteArray_CheckExact(data)) return PyByteArray_GET_SIZE(data);
  if (PyMemoryView_Check(data)) return PyMemoryView_GET_BUFFER(data)->len;
  return -1;
}

PyObject* write(PyObject* self, PyObject* data) {
  Fields& fields = of(self);
  const Py_ssize_t size = size_of(data);
  const bool plain = size >= 0 && fields.conn_lost == 0 && fields.eof == 0 && has_loop(fields) &&
                     (fields.empty_waiter == nullptr || fields.empty_waiter == Py_None) && fields.buffer != nullptr;
  const Py_ssize_t queued = plain ? PyObject_Size(fields.buffer) : 1;
  if (queued < 0) return nullptr;
  if (queued > 0) {
    // Nothing may overtake what was written before.
    if (!flush(self, fields)) return nullptr;
    return PyObject_CallMethodOneArg(self, name_write_slowly, data);
  }
  if (size == 0) Py_RETURN_NONE;

  LoopState& state = LoopState::of(fields.loop);
  // While it closes, the end follows as soon as the queue is empty: nothing may wait for the end of the turn then.
  if (!state.in_turn() || fields.closing != 0 || (fields.pending_size == 0 && size >= kGatherLimit)) {
    if (!flush(self, fields)) return nullptr;
    if (PyObject_Size(fields.buffer) != 0) return PyObject_CallMethodOneArg(self, name_write_slowly, data);
    return none_if(send_now(self, fields, data));
  }
  // A bytearray may change before the turn ends; bytes cannot.
  const PyRef kept = PyBytes_CheckExact(data) ? PyRef::borrow(data) : PyRef::steal(PyBytes_FromObject(data));
  if (!kept) return nullptr;
  if (fields.pending == nullptr) {
    fields.pending = PyList_New(0);
    if (fields.pending == nullptr) return nullptr;
  }
  if (fields.pending_size == 0 && !state.flush_at_turn_end(self)) return PyErr_NoMemory();
  if (PyList_Append(fields.pending, kept.get()) < 0) return nullptr;
  fields.pending_size += size;
  if (fields.pending_size > fields.gather_limit || PyList_GET_SIZE(fields.pending) == kMaxParts) {
    return none_if(flush(self, fields));
  }
  Py_RETURN_NONE;
}

// StreamWriter.drain() asks each time.
PyObject* is_closing(PyObject* self, PyObject*) { return PyBool_FromLong(of(self).closing); }

PyObject* flush_method(PyObject* self, PyObject*) { return none_if(flush(self, of(self))); }

// Before the connection is cut off. asyncio would have sent each write at once, so the kernel gets its chance;
// what it does not take is lost, as an abort() has it, and errors come too late to matter.
PyObject* flush_last(PyObject* self, PyObject*) {
  Fields& fields = of(self);
  fields.pending_size = 0;
  const PyRef parts = PyRef::steal(std::exchange(fields.pending, nullptr));
  if (parts && PyList_GET_SIZE(parts.get()) > 0 && fields.conn_lost == 0) {
    (void)Gathered(parts.get()).send(fields.fd);
  }
  Py_RETURN_NONE;
}

PyObject* get_gather_limit(PyObject* self, void*) { return PyLong_FromSsize_t(of(self).gather_limit); }

int set_gather_limit(PyObject* self, PyObject* value, void*) {
  const Py_ssize_t limit = PyLong_AsSsize_t(value);
  if (limit == -1 && PyErr_Occurred() != nullptr) return -1;
  of(self).gather_limit = std::clamp<Py_ssize_t>(limit, 0, kGatherLimit);
  return 0;
}

template <typename Function>
PyCFunction method(Function function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef methods[] = {
    {"_read_ready", read_ready, METH_NOARGS, nullptr},
    {"_bind", method(bind_protocol), METH_FASTCALL, nullptr},
    {"write", write, METH_O, "write($self, data, /)\n--\n\nSend `data` at the end of this turn; does not block."},
    {"is_closing", is_closing, METH_NOARGS, "is_closing($self, /)\n--\n\nTrue once close() or abort() was called."},
    {"_flush", flush_method, METH_NOARGS, nullptr},
    {"_flush_last", flush_last, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef getset[] = {{"_gather_limit", get_gather_limit, set_gather_limit, nullptr, nullptr},
                        {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace

bool flush_stream(PyObject* transport) { return flush(transport, of(transport)); }

int register_stream_transport(PyObject* module) {
  const PyRef transports = PyRef::steal(PyImport_ImportModule("asyncio.transports"));
  if (!transports) return -1;
  const PyRef base = PyRef::steal(PyObject_GetAttrString(transports.get(), "_FlowControlMixin"));
  name_fatal_error = PyUnicode_InternFromString("_fatal_error");
  name_on_eof = PyUnicode_InternFromString("_read_ready__on_eof");
  name_queue_rest = PyUnicode_InternFromString("_queue_rest");
  name_write_slowly = PyUnicode_InternFromString("_write_slowly");
  if (!base || name_fatal_error == nullptr || name_on_eof == nullptr || name_queue_rest == nullptr ||
      name_write_slowly == nullptr) {
    return -1;
  }
  constexpr Py_ssize_t kAlign = alignof(Fields);
  fields_offset = (reinterpret_cast<PyTypeObject*>(base.get())->tp_basicsize + kAlign - 1) / kAlign * kAlign;
  const auto at = [](std::size_t offset) { return fields_offset + static_cast<Py_ssize_t>(offset); };
  // Static: type objects of CPython before 3.12 keep pointing at it.
  static PyMemberDef members[] = {{"_loop", T_OBJECT_EX, at(offsetof(Fields, loop)), 0, nullptr},
                                  {"_buffer", T_OBJECT_EX, at(offsetof(Fields, buffer)), 0, nullptr},
                                  {"_empty_waiter", T_OBJECT_EX, at(offsetof(Fields, empty_waiter)), 0, nullptr},
                                  {"_received", T_OBJECT_EX, at(offsetof(Fields, received)), 0, nullptr},
                                  {"_get_buffer", T_OBJECT_EX, at(offsetof(Fields, get_buffer)), 0, nullptr},
                                  {"_updated", T_OBJECT_EX, at(offsetof(Fields, updated)), 0, nullptr},
                                  {"_pending", T_OBJECT_EX, at(offsetof(Fields, pending)), 0, nullptr},
                                  {"_sock_fd", T_INT, at(offsetof(Fields, fd)), 0, nullptr},
                                  {"_conn_lost", T_INT, at(offsetof(Fields, conn_lost)), 0, nullptr},
                                  {"_closing", T_BOOL, at(offsetof(Fields, closing)), 0, nullptr},
                                  {"_eof", T_BOOL, at(offsetof(Fields, eof)), 0, nullptr},
                                  {nullptr, 0, 0, 0, nullptr}};
  PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("The native half of data_bridge.transports.SocketTransport.")},
                         {Py_tp_methods, methods},
                         {Py_tp_members, members},
                         {Py_tp_getset, getset},
                         {0, nullptr}};
  PyType_Spec spec = {"data_bridge._core.StreamTransportBase",
                      static_cast<int>(fields_offset + static_cast<Py_ssize_t>(sizeof(Fields))), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  PyObject* type = PyType_FromSpecWithBases(&spec, base.get());
  if (type == nullptr) return -1;
  return PyModule_AddObjectRef(module, "StreamTransportBase", type);
}

}  // namespace data_bridge::pyloop
