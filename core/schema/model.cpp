// The public face of a compiled schema.
#include "schema/model.hpp"

#include <algorithm>

#include "schema/compiler.hpp"

namespace data_bridge::schema {

struct Model::Impl {
  std::unique_ptr<CompiledSchema> schema;
  std::vector<FieldInfo> fields;
};

namespace {

FieldInfo describe(const Field& field) {
  FieldInfo info;
  info.name = field.name;
  info.input_key = field.keys.front();
  info.input_keys = field.keys;
  info.output_key = field.output_key;
  info.kind = field.node->kind();
  info.nullable = field.node->nullable() || (!field.required && field.default_value.is_null());
  info.required = field.required;
  if (!field.required) {
    info.default_value = field.default_value;
  }
  return info;
}

std::expected<json::Value, Errors> run(const Node& node, const json::Value& input, json::Arena& arena) {
  State state(arena);
  json::Value out;
  const bool is_valid = node.validate(input, state, out);
  if (state.is_undecided()) {
    return std::unexpected(undecided());
  }
  if (is_valid && state.writable()) {
    return out;
  }
  return std::unexpected(state.take_errors());
}

}  // namespace

Errors State::take_errors() {
  if (errors_.empty()) {
    return std::move(unwritable_);
  }
  for (Error& error : errors_) {
    std::ranges::reverse(error.location);
  }
  return std::move(errors_);
}

Model::Model(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Model::~Model() = default;

std::expected<std::shared_ptr<const Model>, std::string> Model::compile(std::string_view spec) {
  auto schema = compile_schema(spec);
  if (!schema) {
    return std::unexpected(std::move(schema.error()));
  }
  auto impl = std::make_unique<Impl>();
  impl->schema = std::move(*schema);
  for (const Field& field : impl->schema->model->fields()) {
    impl->fields.push_back(describe(field));
  }
  return std::shared_ptr<const Model>(new Model(std::move(impl)));
}

std::expected<json::Value, Errors> Model::validate(const json::Value& input, json::Arena& arena) const {
  return run(*impl_->schema->root, input, arena);
}

json::Value Model::merge(const json::Value& stored, const json::Value& patch, json::Arena& arena) const {
  return impl_->schema->model->merge(stored, patch, arena);
}

std::expected<json::Value, Errors> Model::validate_field(std::size_t index, const json::Value& input,
                                                         json::Arena& arena) const {
  return run(*impl_->schema->model->fields()[index].node, input, arena);
}

std::span<const FieldInfo> Model::fields() const noexcept { return impl_->fields; }

std::optional<std::size_t> Model::field_index(std::string_view name) const noexcept {
  const auto found = std::ranges::find(impl_->fields, name, &FieldInfo::name);
  return found == impl_->fields.end() ? std::nullopt
                                      : std::optional(static_cast<std::size_t>(found - impl_->fields.begin()));
}

const std::string& Model::name() const noexcept { return impl_->schema->model->name(); }
bool Model::allows_extra() const noexcept { return impl_->schema->model->extra() == Extra::kAllow; }
const json::ParseOptions& Model::parse_options() const noexcept { return impl_->schema->parse_options; }
json::Style Model::json_style() const noexcept { return impl_->schema->json_style; }

bool Model::may_be_undecided() const noexcept { return impl_->schema->may_be_undecided; }
bool Model::null_is_missing() const noexcept { return impl_->schema->null_is_missing; }
bool Model::untyped_is_json() const noexcept { return impl_->schema->untyped_is_json; }

}  // namespace data_bridge::schema
