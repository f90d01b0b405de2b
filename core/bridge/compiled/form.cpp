// Makes Starlette's objects of the parts of a form.
#include "bridge/compiled/form.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <ranges>
#include <utility>

#include "bridge/text.hpp"

namespace data_bridge::bridge {

using forms::MultipartReader;
using forms::UrlencodedReader;
using pyloop::PyRef;

namespace {

PyRef bytes_of(std::string_view text) {
  return PyRef::steal(PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

PyRef utf8_of(std::string_view text) {
  return PyRef::steal(PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

/// starlette.formparsers._user_safe_decode(), of a form without a charset.
PyRef decoded(std::string_view text) {
  PyRef value = utf8_of(text);
  if (value || PyErr_ExceptionMatches(PyExc_UnicodeDecodeError) == 0) return value;
  PyErr_Clear();
  return PyRef::steal(PyUnicode_DecodeLatin1(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
}

bool append(PyObject* list, const PyRef& item) { return item && PyList_Append(list, item.get()) == 0; }

PyRef list_of_fields(const forms::PartHead& head) {
  PyRef list = PyRef::steal(PyList_New(0));
  for (const auto& [name, value] : head.fields) {
    const PyRef key = bytes_of(name);
    const PyRef text = bytes_of(value);
    if (!list || !key || !text || !append(list.get(), PyRef::steal(PyTuple_Pack(2, key.get(), text.get())))) return {};
  }
  return list;
}

/// Up to which size a file is kept in memory; 0 is no limit.
std::optional<std::size_t> spool_size_of(PyObject* upload) {
  const PyRef file = PyRef::steal(PyObject_GetAttrString(upload, "file"));
  const PyRef value = PyRef::steal(file ? PyObject_GetAttrString(file.get(), "_max_size") : nullptr);
  const Py_ssize_t size = value ? PyNumber_AsSsize_t(value.get(), nullptr) : -1;
  if (size == -1 && PyErr_Occurred() != nullptr) return std::nullopt;
  return size <= 0 ? SIZE_MAX : static_cast<std::size_t>(size);
}

}  // namespace

std::unique_ptr<FormReading> FormReading::begin(const FormPlan& plan, std::string_view content_type,
                                                std::optional<std::uint64_t> length) {
  const auto boundary = forms::multipart_boundary(content_type);
  if (!boundary && !forms::is_urlencoded(content_type)) return nullptr;
  return std::unique_ptr<FormReading>(new FormReading(plan, boundary, length));
}

FormReading::FormReading(const FormPlan& plan, std::optional<std::string_view> boundary,
                         std::optional<std::uint64_t> length)
    : plan_(plan), reader_(UrlencodedReader(plan.limits)), left_(static_cast<std::size_t>(length.value_or(0))) {
  if (boundary) reader_.emplace<MultipartReader>(*boundary, plan.limits);
}

// --- reading ---------------------------------------------------------------------------------------

FormReading::Status FormReading::feed(std::string_view piece) {
  auto* const multipart = std::get_if<MultipartReader>(&reader_);
  const forms::Status status =
      multipart != nullptr ? multipart->feed(piece, *this) : std::get<UrlencodedReader>(reader_).feed(piece);
  left_ -= std::min(left_, piece.size());
  if (raised_) return Status::kRaised;
  return status == forms::Status::kMore ? Status::kGood : Status::kIrregular;
}

FormReading::Status FormReading::finish() {
  if (const auto* multipart = std::get_if<MultipartReader>(&reader_)) {
    if (!multipart->complete()) return Status::kIrregular;
  } else {
    for (const auto& field : std::get<UrlencodedReader>(reader_).fields()) {
      items_.push_back({field.name(), std::string(field.raw_value), {}, false, field.raw_value.empty()});
    }
  }
  finished_ = true;
  return Status::kGood;
}

void FormReading::on_part(forms::PartHead head, std::string_view text) {
  if (raised_) return;
  parts_.push_back({std::string(text), items_.size(), false});
  items_.push_back({std::move(head.name), {}, {}, head.filename.has_value(), !head.filename || head.filename->empty()});
  if (!head.filename) return;
  const PyRef filename = utf8_of(*head.filename);
  const PyRef fields = list_of_fields(head);
  if (filename && fields) {
    std::array<PyObject*, 2> arguments{filename.get(), fields.get()};
    items_.back().value =
        PyRef::steal(PyObject_Vectorcall(plan_.make_upload.get(), arguments.data(), arguments.size(), nullptr));
  }
  const auto spool_size = items_.back().value ? spool_size_of(items_.back().value.get()) : std::nullopt;
  raised_ = !spool_size;
  spool_size_ = spool_size.value_or(0);
  content_size_ = 0;
  spilled_ = false;
}

void FormReading::on_data(std::string_view data) {
  if (raised_) return;
  Item& item = items_.back();
  if (!item.is_file) {
    item.text += data;
    item.is_empty = false;
  } else if (!spilled_ && content_size_ + data.size() <= spool_size_) {
    raised_ = !keep_content(data);
  } else {
    if (!std::exchange(spilled_, true) && content_size_ != 0) raised_ = !add_due(item.value.get(), take_content());
    if (!raised_) raised_ = !add_due(item.value.get(), bytes_of(data));
  }
}

void FormReading::on_part_end() {
  if (raised_) return;
  parts_.back().ended = true;
  const Item& item = items_.back();
  if (!item.is_file) return;
  if (spilled_) {
    raised_ = !add_due(item.value.get(), PyRef::borrow(Py_None));
  } else if (content_size_ != 0) {
    const PyRef content = take_content();
    std::array<PyObject*, 2> arguments{item.value.get(), content.get()};
    raised_ = !content || !PyRef::steal(PyObject_Vectorcall(plan_.fill.get(), arguments.data(), 2, nullptr));
  }
}

/// Room for what is left of the body, which costs nothing before it is used, or grown by doubling; in either case no
/// more than may be kept.
bool FormReading::keep_content(std::string_view data) {
  const std::size_t needed = content_size_ + data.size();
  const std::size_t room = content_ ? static_cast<std::size_t>(PyBytes_GET_SIZE(content_.get())) : 0;
  if (needed > room) {
    const auto grown = static_cast<Py_ssize_t>(std::max(needed, std::min(std::max(2 * room, left_), spool_size_)));
    PyObject* content = content_ ? content_.release() : nullptr;
    if (content == nullptr) {
      content = PyBytes_FromStringAndSize(nullptr, grown);
    } else {
      _PyBytes_Resize(&content, grown);
    }
    content_ = PyRef::steal(content);
    if (!content_) return false;
  }
  std::memcpy(PyBytes_AS_STRING(content_.get()) + content_size_, data.data(), data.size());
  content_size_ = needed;
  return true;
}

PyRef FormReading::take_content() {
  PyObject* content = content_.release();
  if (content == nullptr) return bytes_of({});
  _PyBytes_Resize(&content, static_cast<Py_ssize_t>(std::exchange(content_size_, 0)));
  return PyRef::steal(content);
}

bool FormReading::add_due(PyObject* upload, PyRef what) {
  if (!due_) due_ = PyRef::steal(PyList_New(0));
  return due_ && what && append(due_.get(), PyRef::steal(PyTuple_Pack(2, upload, what.get())));
}

PyRef FormReading::take_due() { return due_ ? std::move(due_) : PyRef::steal(PyList_New(0)); }

// --- for another parser ----------------------------------------------------------------------------

PyRef FormReading::pieces() {
  PyRef pieces = PyRef::steal(PyList_New(0));
  if (!pieces) return {};
  if (const auto* multipart = std::get_if<MultipartReader>(&reader_)) {
    if (!append_parts(*multipart, pieces.get())) return {};
  } else if (!append(pieces.get(), bytes_of(std::get<UrlencodedReader>(reader_).body()))) {
    return {};
  }
  return pieces;
}

/// The body again: what the heads and the delimiters were is known, and nothing between them was left out.
bool FormReading::append_parts(const MultipartReader& reader, PyObject* pieces) {
  std::string text;
  if (reader.opened()) text.append(reader.delimiter().substr(2)).append("\r\n");
  for (const Part& part : parts_) {
    const Item& item = items_[part.item];
    text += part.head;
    if (!item.is_file) {
      text += item.text;
    } else {
      if (!append(pieces, bytes_of(text)) || !append(pieces, item.value)) return false;
      text.clear();
      if (!part.ended && !spilled_ && content_size_ != 0 && !append(pieces, take_content())) return false;
    }
    if (part.ended) text.append(reader.delimiter()).append("\r\n");
  }
  text += reader.held();
  return append(pieces, bytes_of(text));
}

// --- the form --------------------------------------------------------------------------------------

bool FormReading::has_files() const noexcept { return std::ranges::any_of(items_, &Item::is_file); }

/// Borrowed; null with an exception set.
PyObject* FormReading::value_of(Item& item) {
  if (!item.value) {
    const bool urlencoded = std::holds_alternative<UrlencodedReader>(reader_);
    item.value = urlencoded ? PyRef::steal(query_text_str(item.text)) : decoded(item.text);
  }
  return item.value.get();
}

PyRef FormReading::make_form() {
  const PyRef list = PyRef::steal(PyList_New(0));
  for (Item& item : items_) {
    const PyRef name = utf8_of(item.name);
    PyObject* const value = value_of(item);
    if (!list || !name || value == nullptr || !append(list.get(), PyRef::steal(PyTuple_Pack(2, name.get(), value)))) {
      return {};
    }
  }
  return PyRef::steal(list ? PyObject_CallOneArg(plan_.make_form.get(), list.get()) : nullptr);
}

bool FormReading::is_usual(std::span<const ParameterPlan> fields) const {
  return std::ranges::none_of(items_, [fields](const Item& item) {
    return item.is_empty && std::ranges::any_of(fields, [&item](const ParameterPlan& field) {
             return std::ranges::find(field.aliases, item.name) != field.aliases.end();
           });
  });
}

FormReading::Found FormReading::find(std::string_view name, bool many, PyRef& out) {
  if (many) {
    PyRef list = PyRef::steal(PyList_New(0));
    if (!list) return Found::kFailed;
    for (Item& item : items_) {
      if (item.name != name) continue;
      PyObject* const value = value_of(item);
      if (value == nullptr || PyList_Append(list.get(), value) != 0) return Found::kFailed;
    }
    if (PyList_GET_SIZE(list.get()) == 0) return Found::kAbsent;
    out = std::move(list);
    return Found::kValue;
  }
  for (Item& item : items_ | std::views::reverse) {
    if (item.name != name) continue;
    out = PyRef::borrow(value_of(item));
    return out ? Found::kValue : Found::kFailed;
  }
  return Found::kAbsent;
}

bool FormReading::close_files() {
  for (const Item& item : items_) {
    if (!item.is_file || !item.value) continue;
    const PyRef file = PyRef::steal(PyObject_GetAttrString(item.value.get(), "file"));
    if (!file || !PyRef::steal(PyObject_CallMethod(file.get(), "close", nullptr))) return false;
  }
  return true;
}

int FormReading::traverse(visitproc visit, void* arg) const {
  for (const Item& item : items_) Py_VISIT(item.value.get());
  Py_VISIT(due_.get());
  return 0;
}

}  // namespace data_bridge::bridge
