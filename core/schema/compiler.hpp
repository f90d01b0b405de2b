// From the neutral text of a schema to nodes.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "json/arena.hpp"
#include "json/parser.hpp"
#include "json/writer.hpp"
#include "schema/decimal.hpp"
#include "schema/model_node.hpp"
#include "schema/node.hpp"
#include "schema/python_text.hpp"

namespace data_bridge::schema {

/// What a Model owns. Defaults, choices and bounds lie in `arena`.
struct CompiledSchema {
  json::Arena arena;
  std::string spec;
  std::map<std::string, NodePtr, std::less<>> definitions;
  NodePtr root;
  const ModelNode* model = nullptr;  ///< what the root leads to
  DigitZeros digit_zeros;
  PythonTexts texts;
  json::ParseOptions parse_options;
  json::Style json_style = json::Style::kPydantic;
  bool null_is_missing = false;
  bool untyped_is_json = false;
  bool may_be_undecided = false;
};

/// The error names the node, for a programmer. The format is documented in python/data_bridge/schema.py.
[[nodiscard]] std::expected<std::unique_ptr<CompiledSchema>, std::string> compile_schema(std::string_view spec);

}  // namespace data_bridge::schema
