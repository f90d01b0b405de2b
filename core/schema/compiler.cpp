// From the neutral text of a schema to nodes. Strict about what it reads: a key that it does not know
// is an error, so that an exporter and a core of different versions cannot misunderstand each other.
#include "schema/compiler.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include "schema/bytes_node.hpp"
#include "schema/calendar_nodes.hpp"
#include "schema/choice_nodes.hpp"
#include "schema/container_nodes.hpp"
#include "schema/decimal_node.hpp"
#include "schema/dict_node.hpp"
#include "schema/now_rule.hpp"
#include "schema/numbers.hpp"
#include "schema/plain_forms.hpp"
#include "schema/scalar_nodes.hpp"
#include "schema/string_node.hpp"
#include "schema/tuple_nodes.hpp"
#include "schema/union_nodes.hpp"

namespace data_bridge::schema {

namespace {

constexpr std::int64_t kVersion = 1;

// Ends a compilation; never leaves this file. Compiling happens once, at start-up.
class SpecError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// An object of the spec, read by key.
class Reader {
 public:
  Reader(const json::Value& value, std::string_view what) : value_(value), what_(what) {
    if (!value.is_object()) {
      fail("is not an object");
    }
  }

  [[noreturn]] void fail(const std::string& reason) const { throw SpecError(what_ + " " + reason); }

  void allow(std::initializer_list<std::string_view> keys) const {
    for (const json::Member& member : value_.members()) {
      if (std::ranges::find(keys, member.key.as_string()) == keys.end()) {
        fail("has an unknown key \"" + std::string(member.key.as_string()) + "\"");
      }
    }
  }

  [[nodiscard]] const json::Value* find(std::string_view key) const noexcept { return value_.find(key); }

  [[nodiscard]] const json::Value& get(std::string_view key) const {
    const json::Value* value = value_.find(key);
    if (value == nullptr) {
      fail("has no \"" + std::string(key) + "\"");
    }
    return *value;
  }

  [[nodiscard]] bool flag(std::string_view key, bool otherwise = false) const {
    const json::Value* value = find(key);
    if (value == nullptr) {
      return otherwise;
    }
    if (!value->is_bool()) {
      fail("has a \"" + std::string(key) + "\" that is not a boolean");
    }
    return value->as_bool();
  }

  [[nodiscard]] std::string text(std::string_view key) const {
    const json::Value& value = get(key);
    if (!value.is_string()) {
      fail("has a \"" + std::string(key) + "\" that is not a string");
    }
    return std::string(value.as_string());
  }

  [[nodiscard]] std::optional<json::Value> integer(std::string_view key) const {
    const json::Value* value = find(key);
    if (value == nullptr) {
      return std::nullopt;
    }
    if (!value->is_int() && !value->is_big_int()) {
      fail("has a \"" + std::string(key) + "\" that is not an integer");
    }
    return *value;
  }

  [[nodiscard]] std::optional<double> number(std::string_view key) const {
    const json::Value* value = find(key);
    if (value == nullptr) {
      return std::nullopt;
    }
    if (value->is_int()) {
      return static_cast<double>(value->as_int());
    }
    if (!value->is_double()) {
      fail("has a \"" + std::string(key) + "\" that is not a number");
    }
    return value->as_double();
  }

  [[nodiscard]] std::optional<std::size_t> length(std::string_view key) const {
    const std::optional<json::Value> value = integer(key);
    if (!value) {
      return std::nullopt;
    }
    if (!value->is_int() || value->as_int() < 0) {
      fail("has a \"" + std::string(key) + "\" that is no length");
    }
    return static_cast<std::size_t>(value->as_int());
  }

  [[nodiscard]] std::span<const json::Value> list(std::string_view key) const {
    const json::Value& value = get(key);
    if (!value.is_array()) {
      fail("has a \"" + std::string(key) + "\" that is not a list");
    }
    return value.items();
  }

 private:
  const json::Value& value_;
  std::string what_;
};

class Compiler {
 public:
  explicit Compiler(CompiledSchema& schema) noexcept : schema_(schema) {}

  void run(const json::Value& spec) {
    const Reader reader(spec, "the schema");
    reader.allow({"version", "dialect", "definitions", "schema"});
    const std::optional<json::Value> version = reader.integer("version");
    if (!version || !version->is_int() || version->as_int() != kVersion) {
      reader.fail("has another version");
    }
    const Reader dialect(reader.get("dialect"), "the dialect");
    dialect.allow({"trailing_comma_message", "max_depth", "null_is_missing", "untyped_is_json", "digit_zeros",
                   "unprintable", "floats"});
    read_digit_zeros(dialect);
    read_unprintable(dialect);
    schema_.json_style = json_style(dialect);
    schema_.null_is_missing = dialect.flag("null_is_missing");
    schema_.untyped_is_json = dialect.flag("untyped_is_json");
    schema_.parse_options.trailing_comma_message = dialect.flag("trailing_comma_message");
    schema_.parse_options.max_depth = static_cast<std::uint32_t>(dialect.length("max_depth").value_or(0));
    const json::Value& definitions = reader.get("definitions");
    (void)Reader(definitions, "\"definitions\"");
    for (const json::Member& member : definitions.members()) {
      schema_.definitions.emplace(std::string(member.key.as_string()), node(member.value));
    }
    schema_.root = node(reader.get("schema"));
    for (const auto& [reference, name] : references_) {
      const auto found = schema_.definitions.find(name);
      if (found == schema_.definitions.end()) {
        reader.fail("has no definition \"" + name + "\"");
      }
      reference->resolve(found->second.get());
    }
    schema_.model = dynamic_cast<const ModelNode*>(leads_to(schema_.root.get()));
    if (schema_.model == nullptr) {
      reader.fail("is not that of a model");
    }
  }

 private:
  void read_digit_zeros(const Reader& dialect) {
    if (dialect.find("digit_zeros") == nullptr) {
      return;
    }
    for (const json::Value& zero : dialect.list("digit_zeros")) {
      if (!zero.is_int() || zero.as_int() < 0) {
        dialect.fail("has \"digit_zeros\" that are no code points");
      }
      schema_.digit_zeros.push_back(static_cast<std::uint32_t>(zero.as_int()));
    }
    if (!std::ranges::is_sorted(schema_.digit_zeros)) {
      dialect.fail("has \"digit_zeros\" in another order");
    }
  }

  static json::Style json_style(const Reader& dialect) {
    const std::string floats = dialect.find("floats") != nullptr ? dialect.text("floats") : "pydantic";
    if (floats == "plain-exponents") {
      return json::Style::kPydanticPlain;
    }
    if (floats == "repr") {
      return json::Style::kPydanticDumps;
    }
    if (floats != "pydantic") {
      dialect.fail("has unknown \"floats\"");
    }
    return json::Style::kPydantic;
  }

  void read_unprintable(const Reader& dialect) {
    if (dialect.find("unprintable") == nullptr) {
      return;
    }
    const auto is_code_point = [](const json::Value& value) {
      return value.is_int() && value.as_int() >= 0 && value.as_int() <= 0x10FFFF;
    };
    PythonTexts::Ranges ranges;
    for (const json::Value& range : dialect.list("unprintable")) {
      if (!range.is_array() || range.items().size() != 2 || !std::ranges::all_of(range.items(), is_code_point)) {
        dialect.fail("has \"unprintable\" that are no ranges of code points");
      }
      ranges.emplace_back(range.items()[0].as_int(), range.items()[1].as_int());
    }
    schema_.texts.set_unprintable(std::move(ranges));
  }

  NodePtr node(const json::Value& value) {
    const std::string type = Reader(value, "a node").text("type");
    const Reader reader(value, "the node \"" + type + "\"");
    if (type == "int") {
      return integer_node(reader);
    }
    if (type == "float") {
      return float_node(reader);
    }
    if (type == "str") {
      return string_node(reader);
    }
    if (type == "bool") {
      reader.allow({"type", "strict"});
      return std::make_unique<BoolNode>(reader.flag("strict"));
    }
    if (type == "none" || type == "any") {
      reader.allow({"type"});
      return type == "none" ? NodePtr(std::make_unique<NoneNode>()) : NodePtr(std::make_unique<AnyNode>());
    }
    if (type == "opaque") {
      reader.allow({"type", "kind", "nullable", "inner", "plain"});
      const json::Value* inner = reader.find("inner");
      const json::Value* plain = reader.find("plain");
      return std::make_unique<OpaqueNode>(column_kind(reader), reader.flag("nullable"),
                                          inner != nullptr ? node(*inner) : nullptr,
                                          plain != nullptr ? plain_form(*plain) : nullptr);
    }
    if (type == "datetime") {
      reader.allow({"type", "strict", "exponents", "mirrored", "now", "offset"});
      return std::make_unique<DatetimeNode>(reader.flag("strict"), reader.flag("exponents"), reader.flag("mirrored"),
                                            now_rule(reader), offset_rule(reader));
    }
    if (type == "date") {
      reader.allow({"type", "strict", "exponents", "le", "lt", "ge", "gt", "now"});
      return std::make_unique<DateNode>(
          reader.flag("strict"), reader.flag("exponents"),
          bounds<std::string>(reader, [](std::string_view text) { return std::string(text); }), now_rule(reader));
    }
    if (type == "time") {
      reader.allow({"type", "strict"});
      return std::make_unique<TimeNode>(reader.flag("strict"));
    }
    if (type == "timedelta") {
      reader.allow({"type", "strict", "le", "lt", "ge", "gt"});
      const auto order = [&](std::string_view text) {
        const auto duration = parse_duration(text);
        if (!duration) {
          reader.fail("has a bound that is no duration");
        }
        return *duration;
      };
      return std::make_unique<DurationNode>(reader.flag("strict"), bounds<Duration>(reader, order));
    }
    if (type == "decimal") {
      return decimal_node(reader);
    }
    if (type == "bytes") {
      reader.allow({"type", "strict", "min_length", "max_length"});
      return std::make_unique<BytesNode>(reader.flag("strict"), reader.length("min_length"),
                                         reader.length("max_length"));
    }
    if (type == "uuid") {
      return uuid_node(reader);
    }
    if (type == "literal") {
      reader.allow({"type", "values", "expected"});
      return std::make_unique<LiteralNode>(Choices(values(reader)), reader.text("expected"));
    }
    if (type == "enum") {
      return enum_node(reader);
    }
    if (type == "nullable") {
      reader.allow({"type", "schema"});
      return std::make_unique<NullableNode>(node(reader.get("schema")));
    }
    if (type == "list") {
      reader.allow({"type", "items", "min_length", "max_length", "fail_fast"});
      return std::make_unique<ListNode>(node(reader.get("items")), reader.length("min_length"),
                                        reader.length("max_length"), reader.flag("fail_fast"));
    }
    if (type == "tuple") {
      reader.allow({"type", "strict", "items"});
      std::vector<NodePtr> items;
      for (const json::Value& item : reader.list("items")) {
        items.push_back(node(item));
      }
      return std::make_unique<FixedTupleNode>(reader.flag("strict"), std::move(items));
    }
    if (type == "tuple-of") {
      reader.allow({"type", "strict", "items", "min_length", "max_length", "fail_fast"});
      return std::make_unique<TupleNode>(reader.flag("strict"), node(reader.get("items")), limits(reader));
    }
    if (type == "set" || type == "frozenset") {
      reader.allow({"type", "strict", "items", "min_length", "max_length", "fail_fast"});
      return std::make_unique<SetNode>(reader.flag("strict"), type == "frozenset", set_item(reader), limits(reader));
    }
    if (type == "dict") {
      return dict_node(reader);
    }
    if (type == "union") {
      return union_node(reader);
    }
    if (type == "tagged-union") {
      return tagged_union_node(reader);
    }
    if (type == "ref") {
      reader.allow({"type", "name"});
      auto reference = std::make_unique<ReferenceNode>();
      references_.emplace_back(reference.get(), reader.text("name"));
      return reference;
    }
    if (type == "model") {
      return model_node(reader);
    }
    reader.fail("is unknown");
  }

  // A reference may lead to another; a ring of them alone leads nowhere. Functions may be put around a model.
  [[nodiscard]] const Node* leads_to(const Node* node) const {
    for (std::size_t references = 0; node != nullptr && references <= references_.size();) {
      if (const auto* reference = dynamic_cast<const ReferenceNode*>(node)) {
        node = reference->target();
        ++references;
      } else if (const auto* opaque = dynamic_cast<const OpaqueNode*>(node)) {
        node = opaque->inner();
      } else {
        break;
      }
    }
    return node;
  }

  NowRule now_rule(const Reader& reader) {
    if (reader.find("now") == nullptr) {
      return NowRule();
    }
    schema_.may_be_undecided = true;
    const std::string now = reader.text("now");
    if (now != "past" && now != "future") {
      reader.fail("has an unknown \"now\"");
    }
    return NowRule(now == "past" ? NowRule::Side::kPast : NowRule::Side::kFuture);
  }

  static OffsetRule offset_rule(const Reader& reader) {
    if (reader.find("offset") == nullptr) {
      return OffsetRule::kAny;
    }
    const std::string offset = reader.text("offset");
    if (offset != "aware" && offset != "naive") {
      reader.fail("has an unknown \"offset\"");
    }
    return offset == "aware" ? OffsetRule::kAware : OffsetRule::kNaive;
  }

  std::unique_ptr<const PlainForm> plain_form(const json::Value& value) {
    schema_.may_be_undecided = true;
    const std::string type = Reader(value, "a plain form").text("type");
    const Reader reader(value, "the plain form \"" + type + "\"");
    auto form = plain_form_of(type, reader);
    const auto least = reader.length("min_length");
    const auto most = reader.length("max_length");
    if (!least && !most) {
      return form;
    }
    return std::make_unique<PlainWithin>(std::move(form), least.value_or(0),
                                         most.value_or(std::numeric_limits<std::size_t>::max()));
  }

  static std::unique_ptr<const PlainForm> plain_form_of(const std::string& type, const Reader& reader) {
    if (type == "email") {
      reader.allow({"type", "reserved", "mailboxes", "min_length", "max_length"});
      return std::make_unique<PlainEmail>(texts(reader, "reserved", true), texts(reader, "mailboxes", true));
    }
    if (type == "url") {
      reader.allow({"type", "schemes", "root", "min_length", "max_length"});
      return std::make_unique<PlainUrl>(texts(reader, "schemes"), reader.text("root"));
    }
    if (type == "address") {
      reader.allow({"type", "v4", "v6"});
      return std::make_unique<PlainAddress>(reader.flag("v4"), reader.flag("v6"));
    }
    if (type == "path") {
      reader.allow({"type"});
      return std::make_unique<PlainPath>();
    }
    reader.fail("is unknown");
  }

  static FieldKind column_kind(const Reader& reader) {
    const std::string kind = reader.text("kind");
    if (kind != "text" && kind != "json") {
      reader.fail("has an unknown \"kind\"");
    }
    return kind == "text" ? FieldKind::kString : FieldKind::kJson;
  }

  static NodePtr uuid_node(const Reader& reader) {
    reader.allow({"type", "strict", "version", "words"});
    const std::optional<json::Value> version = reader.integer("version");
    const std::string words = reader.text("words");
    if (words != "current" && words != "from-one" && words != "long") {
      reader.fail("has unknown \"words\"");
    }
    return std::make_unique<UuidNode>(reader.flag("strict"), version ? std::optional(version->as_int()) : std::nullopt,
                                      words == "long"       ? text::UuidWords::kLong
                                      : words == "from-one" ? text::UuidWords::kFromOne
                                                            : text::UuidWords::kCurrent);
  }

  static NodePtr integer_node(const Reader& reader) {
    reader.allow({"type", "strict", "multiple_of", "le", "lt", "ge", "gt"});
    IntConstraints constraints;
    if (const auto divisor = reader.integer("multiple_of")) {
      if (!divisor->is_int() || divisor->as_int() <= 0) {
        reader.fail("has a \"multiple_of\" that is not positive");
      }
      constraints.multiple_of = divisor->as_int();
    }
    constraints.le = reader.integer("le");
    constraints.lt = reader.integer("lt");
    constraints.ge = reader.integer("ge");
    constraints.gt = reader.integer("gt");
    return std::make_unique<IntNode>(reader.flag("strict"), constraints);
  }

  static NodePtr float_node(const Reader& reader) {
    reader.allow({"type", "strict", "allow_inf_nan", "multiple_of", "le", "lt", "ge", "gt"});
    FloatConstraints constraints;
    constraints.allow_inf_nan = reader.flag("allow_inf_nan", true);
    constraints.multiple_of = reader.number("multiple_of");
    constraints.le = reader.number("le");
    constraints.lt = reader.number("lt");
    constraints.ge = reader.number("ge");
    constraints.gt = reader.number("gt");
    return std::make_unique<FloatNode>(reader.flag("strict"), constraints);
  }

  static NodePtr string_node(const Reader& reader) {
    reader.allow({"type", "min_length", "max_length", "pattern", "strip_whitespace", "to_lower", "to_upper"});
    StringConstraints constraints;
    constraints.min_length = reader.length("min_length");
    constraints.max_length = reader.length("max_length");
    constraints.strip_whitespace = reader.flag("strip_whitespace");
    constraints.case_change = reader.flag("to_lower")   ? CaseChange::kLower
                              : reader.flag("to_upper") ? CaseChange::kUpper
                                                        : CaseChange::kNone;
    if (reader.find("pattern") != nullptr) {
      constraints.pattern_text = reader.text("pattern");
      auto pattern = Pattern::compile(constraints.pattern_text);
      if (!pattern) {
        reader.fail("has the pattern '" + constraints.pattern_text + "': " + pattern.error());
      }
      constraints.pattern = std::move(*pattern);
    }
    return std::make_unique<StringNode>(std::move(constraints));
  }

  // `order` makes of a bound's text what is compared.
  template <typename Order, typename MakeOrder>
  static Bounds<Order> bounds(const Reader& reader, MakeOrder order) {
    return {.le = bound<Order>(reader, "le", order),
            .lt = bound<Order>(reader, "lt", order),
            .ge = bound<Order>(reader, "ge", order),
            .gt = bound<Order>(reader, "gt", order)};
  }

  template <typename Order, typename MakeOrder>
  static std::optional<Bound<Order>> bound(const Reader& reader, std::string_view key, MakeOrder order) {
    const json::Value* value = reader.find(key);
    if (value == nullptr) {
      return std::nullopt;
    }
    const Reader parts(*value, "a bound");
    parts.allow({"value", "display", "context"});
    return Bound<Order>{
        .order = order(parts.text("value")), .display = parts.text("display"), .context = parts.get("context")};
  }

  NodePtr decimal_node(const Reader& reader) {
    reader.allow({"type", "strict", "max_digits", "decimal_places", "multiple_of", "le", "lt", "ge", "gt"});
    const auto order = [&](std::string_view text) {
      auto value = parse_decimal(text, schema_.digit_zeros);
      if (!value || !value->finite) {
        reader.fail("has a bound that is no number");
      }
      return *std::move(value);
    };
    DecimalConstraints constraints{.max_digits = reader.length("max_digits"),
                                   .decimal_places = reader.length("decimal_places"),
                                   .multiple_of = bound<Decimal>(reader, "multiple_of", order),
                                   .bounds = bounds<Decimal>(reader, order)};
    if (const auto& divisor = constraints.multiple_of;
        divisor && (divisor->order.is_zero() || divisor->order.digits.size() > kMaxDivisorDigits)) {
      reader.fail("has a \"multiple_of\" that is zero or too long");
    }
    return std::make_unique<DecimalNode>(reader.flag("strict"), std::move(constraints), schema_.digit_zeros);
  }

  static ItemLimits limits(const Reader& reader) {
    return {.min_length = reader.length("min_length"),
            .max_length = reader.length("max_length"),
            .fail_fast = reader.flag("fail_fast")};
  }

  NodePtr set_item(const Reader& reader) {
    NodePtr item = node(reader.get("items"));
    const auto* reference = dynamic_cast<const ReferenceNode*>(item.get());
    if (reference != nullptr || item->nullable() ||
        (item->kind() != FieldKind::kString && item->kind() != FieldKind::kDate)) {
      reader.fail("has items that are not text");
    }
    return item;
  }

  NodePtr dict_node(const Reader& reader) {
    reader.allow({"type", "keys", "values", "min_length", "max_length", "fail_fast", "ends_early"});
    NodePtr key = node(reader.get("keys"));
    const auto* text = dynamic_cast<const StringNode*>(key.get());
    const DictKeys keys = text != nullptr && text->is_plain()                  ? DictKeys::kText
                          : dynamic_cast<const AnyNode*>(key.get()) != nullptr ? DictKeys::kAny
                                                                               : DictKeys::kTyped;
    return std::make_unique<DictNode>(std::move(key), keys, node(reader.get("values")),
                                      DictLimits{.min_length = reader.length("min_length"),
                                                 .max_length = reader.length("max_length"),
                                                 .fail_fast = reader.flag("fail_fast"),
                                                 .ends_early = reader.flag("ends_early")});
  }

  static NodePtr enum_node(const Reader& reader) {
    reader.allow({"type", "values", "expected", "base", "strict_class"});
    const std::string base = reader.text("base");
    if (base != "plain" && base != "str" && base != "int") {
      reader.fail("has an unknown \"base\"");
    }
    return std::make_unique<EnumNode>(
        Choices(values(reader)),
        base == "plain" ? EnumBase::kPlain
        : base == "str" ? EnumBase::kString
                        : EnumBase::kInt,
        reader.text("expected"), reader.find("strict_class") != nullptr ? reader.text("strict_class") : std::string());
  }

  static std::vector<json::Value> values(const Reader& reader) {
    const std::span<const json::Value> items = reader.list("values");
    if (!std::ranges::all_of(
            items, [](const json::Value& item) { return item.is_string() || item.is_int() || item.is_bool(); })) {
      reader.fail("has \"values\" other than strings, integers and booleans");
    }
    return {items.begin(), items.end()};
  }

  std::vector<UnionMember> members(const Reader& reader) {
    std::vector<UnionMember> result;
    for (const json::Value& item : reader.list("members")) {
      const Reader member(item, "a member of a union");
      member.allow({"label", "schema"});
      result.push_back({.label = member.text("label"), .node = node(member.get("schema"))});
    }
    return result;
  }

  NodePtr union_node(const Reader& reader) {
    reader.allow({"type", "mode", "members"});
    const std::string mode = reader.text("mode");
    if (mode == "smart") {
      return std::make_unique<SmartUnionNode>(members(reader));
    }
    if (mode == "left_to_right") {
      return std::make_unique<OrderedUnionNode>(members(reader));
    }
    reader.fail("has an unknown \"mode\"");
  }

  NodePtr tagged_union_node(const Reader& reader) {
    reader.allow({"type", "keys", "discriminator", "not_found", "expected_tags", "members"});
    return std::make_unique<TaggedUnionNode>(Discriminator{.keys = texts(reader, "keys"),
                                                           .text = reader.text("discriminator"),
                                                           .not_found = reader.text("not_found"),
                                                           .expected_tags = reader.text("expected_tags")},
                                             members(reader), schema_.texts);
  }

  static std::vector<std::string> texts(const Reader& reader, std::string_view key, bool may_be_none = false) {
    std::vector<std::string> result;
    for (const json::Value& text : reader.list(key)) {
      if (!text.is_string()) {
        reader.fail("has \"" + std::string(key) + "\" that are not strings");
      }
      result.emplace_back(text.as_string());
    }
    if (result.empty() && !may_be_none) {
      reader.fail("has no \"" + std::string(key) + "\"");
    }
    return result;
  }

  NodePtr model_node(const Reader& reader) {
    reader.allow({"type", "name", "fields", "extra", "counts_extra"});
    const std::string extra = reader.text("extra");
    if (extra != "ignore" && extra != "forbid" && extra != "allow") {
      reader.fail("has an unknown \"extra\"");
    }
    std::vector<Field> fields;
    for (const json::Value& item : reader.list("fields")) {
      fields.push_back(field(Reader(item, "a field of \"" + reader.text("name") + "\"")));
    }
    return std::make_unique<ModelNode>(reader.text("name"), std::move(fields),
                                       extra == "ignore"   ? Extra::kIgnore
                                       : extra == "forbid" ? Extra::kForbid
                                                           : Extra::kAllow,
                                       reader.flag("counts_extra"));
  }

  Field field(const Reader& reader) {
    reader.allow({"name", "keys", "output_key", "location", "schema", "default", "factory"});
    Field result;
    result.name = reader.text("name");
    result.keys = texts(reader, "keys");
    result.output_key = reader.text("output_key");
    if (reader.find("location") != nullptr) {
      result.location = reader.text("location");
    }
    result.node = node(reader.get("schema"));
    if (const json::Value* value = reader.find("default")) {
      result.required = false;
      result.default_value = *value;
    }
    if (reader.find("factory") != nullptr) {
      result.factory = default_factory(reader.text("factory"));
      if (!result.factory) reader.fail("has an unknown \"factory\"");
    }
    return result;
  }

  CompiledSchema& schema_;
  std::vector<std::pair<ReferenceNode*, std::string>> references_;
};

}  // namespace

std::expected<std::unique_ptr<CompiledSchema>, std::string> compile_schema(std::string_view spec) {
  auto schema = std::make_unique<CompiledSchema>();
  schema->spec = spec;
  const auto parsed = json::parse(schema->spec, schema->arena);
  if (!parsed) {
    return std::unexpected("the schema is not JSON: " + std::string(parsed.error().message));
  }
  try {
    Compiler(*schema).run(*parsed);
  } catch (const SpecError& error) {
    return std::unexpected(error.what());
  }
  return schema;
}

}  // namespace data_bridge::schema
