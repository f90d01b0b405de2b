// What a route returns, as its response model shows it, to JSON: validated and written in one walk over Python's
// objects.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "json/scalar_text.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Writes what FastAPI's response field makes of a value: SchemaValidator.validate_python() and
/// SchemaSerializer.to_json() in one, for values that validation would leave as they are. No Python code runs, of
/// anybody's.
class ResponseWriter {
 public:
  ResponseWriter() = default;
  ~ResponseWriter() = default;
  ResponseWriter(const ResponseWriter&) = delete;
  ResponseWriter& operator=(const ResponseWriter&) = delete;

  /// Of a ResponseSchema of data_bridge.compile.response_schema; nullptr with a Python exception set on failure.
  [[nodiscard]] static std::unique_ptr<ResponseWriter> read(PyObject* schema);

  /// Appends the JSON of `value`. False, with `out` ending anywhere and no exception set, where Pydantic has to see it:
  /// because it is wrong, has to be converted, or is of a type that only Pydantic knows how to write.
  bool write(std::string& out, PyObject* value) const;

 private:
  enum class Kind : std::uint8_t {
    kAny,
    kNone,
    kBool,
    kInt,
    kFloat,
    kStr,
    kDatetime,
    kDate,
    kUuid,
    kDecimal,
    kLiteral,   ///< of str
    kEnum,      ///< of a class; values of str that name a member
    kNullable,  ///< None or `item`
    kList,      ///< of `item`
    kDict,      ///< with str as keys, of `item`
    kSet,       ///< of `item`
    kUnion,     ///< of `members`
    kFunction,  ///< a validator of the application's around `item`
    kModel,     ///< an instance of exactly `cls`, or a dict
  };

  /// Where a value comes from. What is part of a model's instance is not validated any more.
  enum class Source : std::uint8_t { kUnchecked, kInstance };

  struct Node;
  struct Field {
    pyloop::PyRef name{};
    std::vector<pyloop::PyRef> keys{};
    json::FixedText text{std::string()};  ///< "key":
    std::size_t node = 0;
    pyloop::PyRef default_value{};  ///< or empty
    bool excluded = false;
  };
  struct Node {
    Kind kind = Kind::kAny;
    bool checks = true;
    std::size_t item = 0;
    std::vector<std::size_t> members{};
    pyloop::PyRef cls{};
    std::vector<Field> fields{};
    bool forbids_extra = false;
    double least = -std::numeric_limits<double>::infinity();
    double most = std::numeric_limits<double>::infinity();
    double above = -std::numeric_limits<double>::infinity();
    double below = std::numeric_limits<double>::infinity();
    std::vector<std::pair<pyloop::PyRef, std::string>> choices{};  ///< members of an Enum, with their JSON
    pyloop::PyRef values{};  ///< dict: values of a Literal, or by which members are found, to their JSON
  };

  static void read_node(PyObject* source, Node& node);
  bool write_node(std::string& out, const Node& node, PyObject* value, Source source, int depth) const;
  bool write_double(std::string& out, double value) const;
  bool write_any(std::string& out, PyObject* value, int depth) const;
  bool write_list(std::string& out, const Node& item, PyObject* list, Source source, int depth) const;
  bool write_set(std::string& out, const Node& item, PyObject* set, Source source, int depth) const;
  bool write_union(std::string& out, const Node& node, PyObject* value, Source source, int depth) const;
  bool write_dict(std::string& out, const Node& item, PyObject* dict, Source source, int depth) const;
  bool write_model(std::string& out, const Node& node, PyObject* value, Source source, int depth) const;
  bool write_members(std::string& out, const Node& node, PyObject* dict, int depth) const;
  bool write_instance(std::string& out, const Node& node, PyObject* instance, int depth) const;
  bool write_field(std::string& out, const Field& field, PyObject* value, Source source, int depth, bool& first) const;

  std::vector<Node> nodes_;
  json::FloatStyle floats_ = json::FloatStyle::kPydantic;
  bool exponents_ = true;  ///< false: numbers that need one are refused
  bool exclude_unset_ = false;
  bool exclude_none_ = false;
  // Where it is refused again and again, the walk is for nothing: see write().
  mutable unsigned refused_ = 0;
};

}  // namespace data_bridge::bridge
