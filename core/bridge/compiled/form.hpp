// A form that is read natively, as what Starlette's parsers make of it.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bridge/compiled/plan.hpp"
#include "forms/multipart_reader.hpp"
#include "forms/urlencoded_reader.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// The form of one request. On the loop's thread, with the GIL.
///
/// A file is kept as bytes up to the size at which its SpooledTemporaryFile goes to the disk; beyond, due() writes it
/// as Starlette does, and no more of it is kept than a piece of the body.
class FormReading final : forms::PartSink {
 public:
  /// Null where the framework's parsers are to see to a form of that type.
  /// `length`: of the body, where it is known.
  static std::unique_ptr<FormReading> begin(const FormPlan& plan, std::string_view content_type,
                                            std::optional<std::uint64_t> length);
  FormReading(const FormReading&) = delete;
  FormReading& operator=(const FormReading&) = delete;
  ~FormReading() = default;

  enum class Status : std::uint8_t {
    kGood,
    kIrregular,  ///< for the framework's parsers, from the first byte on: see pieces()
    kRaised,     ///< a Python exception is set
  };
  Status feed(std::string_view piece);
  /// All was fed.
  Status finish();
  /// Whether something is to be written before the next piece.
  [[nodiscard]] bool has_due() const noexcept { return due_ && PyList_GET_SIZE(due_.get()) != 0; }
  /// A list for FormPlan::write; empty with an exception set on failure.
  pyloop::PyRef take_due();
  /// What was fed, as a list of bytes and UploadFiles, whose contents stand there once what is due is written. Empty
  /// with an exception set on failure.
  pyloop::PyRef pieces();

  // --- once finish() was good ----------------------------------------------------------------------
  [[nodiscard]] bool finished() const noexcept { return finished_; }
  [[nodiscard]] bool has_files() const noexcept;
  /// A new FormData; empty with an exception set on failure.
  pyloop::PyRef make_form();
  /// Whether no value for `fields` is empty text or a file that is none: releases differ in what they take for absent.
  [[nodiscard]] bool is_usual(std::span<const ParameterPlan> fields) const;
  enum class Found : std::uint8_t { kValue, kAbsent, kFailed };
  /// The last value of that name, or a list of all.
  Found find(std::string_view name, bool many, pyloop::PyRef& out);

  /// Of a form that will not be finished, as Starlette does it. False with an exception set.
  bool close_files();

  int traverse(visitproc visit, void* arg) const;

 private:
  struct Item {
    std::string name;
    std::string text;     // of a field: as sent, urlencoded or not; of a file that is kept: nothing
    pyloop::PyRef value;  // an UploadFile, or the str once it was asked for
    bool is_file = false;
    bool is_empty = false;  // the text, or the name of the file
  };
  /// What a part was read from, for pieces().
  struct Part {
    std::string head;
    std::size_t item = 0;
    bool ended = false;
  };

  FormReading(const FormPlan& plan, std::optional<std::string_view> boundary, std::optional<std::uint64_t> length);

  void on_part(forms::PartHead head, std::string_view text) override;
  void on_data(std::string_view data) override;
  void on_part_end() override;
  bool keep_content(std::string_view data);
  bool add_due(PyObject* upload, pyloop::PyRef what);
  pyloop::PyRef take_content();
  PyObject* value_of(Item& item);
  bool append_parts(const forms::MultipartReader& reader, PyObject* pieces);

  const FormPlan& plan_;
  std::variant<forms::UrlencodedReader, forms::MultipartReader> reader_;
  std::vector<Item> items_;
  std::vector<Part> parts_;
  pyloop::PyRef due_;
  pyloop::PyRef content_;  // bytes of the file that is being read, with room for more
  std::size_t content_size_ = 0;
  std::size_t spool_size_ = 0;
  std::size_t left_ = 0;  // of the body, if its length is known
  bool spilled_ = false;  // it is written as it comes
  bool raised_ = false;
  bool finished_ = false;
};

}  // namespace data_bridge::bridge
