// Deallocation of objects that may hold one another in long chains.
#pragma once

#include <Python.h>

namespace data_bridge::pyloop {

/// The tp_dealloc of a collected type: `Destroy` takes the untracked object apart and frees it. Where that lets go of
/// the last reference to the next of its kind, hundreds of thousands of times, all but some of them wait in CPython's
/// trashcan for the stack to unwind.
template <void (*Destroy)(PyObject*)>
void dealloc_by_turns(PyObject* self) {
  // From here on it is in no collection that Python code in Destroy may start.
  PyObject_GC_UnTrack(self);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
  Py_TRASHCAN_BEGIN(self, dealloc_by_turns<Destroy>) Destroy(self);
  Py_TRASHCAN_END
#pragma GCC diagnostic pop
}

}  // namespace data_bridge::pyloop
