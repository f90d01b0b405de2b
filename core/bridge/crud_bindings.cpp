// Stores, resources and CRUD operations for Python.
#include "bridge/crud_bindings.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "bridge/store_bindings.hpp"
#include "crud/endpoint.hpp"
#include "crud/keyed_write.hpp"
#include "crud/open_store.hpp"
#include "crud/operation.hpp"
#include "crud/resource.hpp"
#include "crud/validated_items.hpp"

namespace nb = nanobind;

namespace data_bridge::bridge {
namespace {

// Faults are found on threads that must not wait for the GIL; a thread of Python's waits for them here, without it.
// Bounded: a store that is away would otherwise fill the memory.
class FaultQueue {
 public:
  void push(std::string_view text) {
    const std::lock_guard lock(state_->mutex);
    auto& faults = state_->faults;
    if (faults.empty() || faults.back().first != text) {
      if (faults.size() == kCapacity) {
        return;
      }
      faults.emplace_back(text, 0);
      state_->changed.notify_one();
    }
    ++faults.back().second;
  }

  /// Texts and how often each came in a row; nothing after close().
  std::vector<std::pair<std::string, std::uint64_t>> wait() {
    State& state = *state_;
    std::unique_lock lock(state.mutex);
    state.changed.wait(lock, [&state] { return state.closed || !state.faults.empty(); });
    return std::exchange(state.faults, {});
  }

  void close() {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    state_->changed.notify_all();
  }

  /// In a forked child: the threads that wait here, or were about to, are the parent's. What they left behind, perhaps
  /// locked, is not touched again.
  void forget_in_child() {
    static_cast<void>(state_.release());
    state_ = std::make_unique<State>();
  }

 private:
  static constexpr std::size_t kCapacity = 100;
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::pair<std::string, std::uint64_t>> faults;
    bool closed = false;
  };
  std::unique_ptr<State> state_ = std::make_unique<State>();
};

// Python sees the queue through a handle, so that resources may outlive it.
struct Faults {
  std::shared_ptr<FaultQueue> queue = std::make_shared<FaultQueue>();
};

struct Store {
  std::shared_ptr<storage::Store> store;
};

struct Resource {
  std::shared_ptr<crud::Resource> resource;
};

/// A plan, or what was done, as Python has it: table, whether it is only checked, statements, what is left.
using TablePlan = std::tuple<std::string, bool, std::vector<std::string>, std::vector<std::string>>;

struct Operation {
  std::shared_ptr<const crud::Operation> operation;
  std::shared_ptr<routing::Endpoint> endpoint;
};

struct Scope {
  std::shared_ptr<const crud::Scope> scope;
};

/// Owns what a crud::Request shows. With the GIL, but for views.
struct Request {
  std::string path;
  std::string query;
  std::string content_type;
  nb::bytes body;
  std::string key;
  std::string if_match;
  std::string if_none_match;
  std::vector<std::string> idempotency_keys;
  std::shared_ptr<const crud::Scope> scope;
  std::shared_ptr<crud::KeyedRequest> keyed{};
};

struct StoredItem {
  crud::StoredItem item;
};

struct PendingRead {
  std::shared_ptr<crud::PendingRead> read;
};

/// What an earlier request was answered, instead of a write.
struct Repeat {
  nb::tuple answer;
};

void open_store(Store* self, std::string_view url, bool shared_with_processes, std::size_t max_waiting_writes,
                std::size_t max_waiting_bytes) {
  auto opened = [&] {
    const nb::gil_scoped_release released;
    return crud::open_store(
        url, {.shared_with_processes = shared_with_processes,
              .limits = {.max_waiting_writes = max_waiting_writes, .max_waiting_bytes = max_waiting_bytes}});
  }();
  if (!opened) {
    raise_store_error(opened.error());
  }
  new (self) Store{std::move(*opened)};
}

void forget_in_child(const Store& self) {
  self.store->forget_in_child();
  // Its destructor would wait for a thread that is not here.
  static_cast<void>(new std::shared_ptr<storage::Store>(self.store));  // NOLINT(cppcoreguidelines-owning-memory)
}

std::shared_ptr<const schema::Model> compile(std::string_view spec) {
  auto model = schema::Model::compile(spec);
  if (!model) {
    throw nb::value_error(model.error().c_str());
  }
  return std::move(*model);
}

// Name, field, members, whether it is a list: see crud::ListFieldOption.
using ListField = std::tuple<std::string, std::string, std::vector<std::string>, bool>;

void make_resource(Resource* self, std::string_view item, std::string_view key_model, std::string_view page,
                   std::string_view filters, std::vector<ListField> fields, std::vector<std::string> sort,
                   std::string table, std::string key, std::uint8_t uuid_version,
                   std::vector<std::vector<std::string>> unique, std::vector<std::vector<std::string>> indexes,
                   std::vector<std::pair<std::string, std::string>> frozen,
                   std::optional<std::vector<std::pair<std::string, std::string>>> answer, bool answers_extra,
                   std::vector<std::string> unseen, std::vector<std::string> read_only,
                   std::vector<std::string> ignored, const std::optional<std::string>& replacement,
                   const std::optional<std::string>& body, const std::optional<std::string>& patch,
                   std::int64_t page_size, std::int64_t max_page_size, std::size_t max_page_bytes, bool migrate,
                   double timeout, bool require_match, bool creates, std::vector<std::string> answer_names,
                   std::vector<std::pair<std::string, std::string>> conflict_names,
                   std::vector<std::tuple<std::string, std::string, std::string>> columns,
                   std::vector<std::string> foreign_parameters, const Faults& faults) {
  std::vector<crud::ListFieldOption> options;
  for (auto& [name, field, members, is_list] : fields) {
    options.push_back(
        {.name = std::move(name), .field = std::move(field), .members = std::move(members), .is_list = is_list});
  }
  std::vector<crud::FrozenFieldOption> frozen_options;
  for (auto& [field, sameness] : frozen) {
    frozen_options.push_back({.field = std::move(field), .sameness = std::move(sameness)});
  }
  std::optional<std::vector<crud::AnswerField>> answer_fields;
  if (answer) {
    answer_fields.emplace();
    for (auto& [field, name] : *answer) {
      answer_fields->push_back({.field = std::move(field), .name = std::move(name)});
    }
  }
  std::vector<crud::ColumnNames> column_names;
  for (auto& [field, stored, former] : columns) {
    column_names.push_back({.field = std::move(field), .stored = std::move(stored), .former = std::move(former)});
  }
  auto resource =
      crud::Resource::make({.item = compile(item),
                            .key = compile(key_model),
                            .page = compile(page),
                            .filters = compile(filters),
                            .replacement = replacement ? compile(*replacement) : nullptr,
                            .body = body ? compile(*body) : nullptr,
                            .patch = patch ? compile(*patch) : nullptr},
                           {.table = std::move(table),
                            .key = std::move(key),
                            .uuid_version = uuid_version,
                            .unique = std::move(unique),
                            .indexes = std::move(indexes),
                            .filters = std::move(options),
                            .sort = std::move(sort),
                            .frozen = std::move(frozen_options),
                            .answer = std::move(answer_fields),
                            .answers_extra = answers_extra,
                            .unseen = std::move(unseen),
                            .read_only = std::move(read_only),
                            .ignored = std::move(ignored),
                            .columns = std::move(column_names),
                            .migrate = migrate,
                            .require_match = require_match,
                            .creates = creates,
                            .page_size = page_size,
                            .max_page_size = max_page_size,
                            .max_page_bytes = max_page_bytes,
                            .timeout = std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(timeout * 1000))),
                            .answer_names = std::move(answer_names),
                            .conflict_names = {conflict_names.begin(), conflict_names.end()},
                            .foreign_parameters = std::move(foreign_parameters),
                            .log = [queue = faults.queue](std::string_view text) { queue->push(text); }});
  if (!resource) {
    throw nb::value_error(resource.error().c_str());
  }
  new (self) Resource{std::move(*resource)};
}

void attach(const Resource& self, const Store& store) {
  auto attached = [&] {
    const nb::gil_scoped_release released;
    return self.resource->attach(store.store);
  }();
  if (!attached) {
    raise_store_error(attached.error());
  }
}

template <auto kMigration>
std::vector<TablePlan> run_migration(std::string_view url, const std::vector<const Resource*>& resources,
                                     std::vector<std::string> drop, std::vector<std::string> convert) {
  std::vector<storage::Table> tables;
  for (const Resource* const resource : resources) tables.push_back(resource->resource->codec().table());
  auto done = [&] {
    const nb::gil_scoped_release released;
    return kMigration(url, tables, {.drop = std::move(drop), .convert = std::move(convert)});
  }();
  if (!done) {
    raise_store_error(done.error());
  }
  std::vector<TablePlan> plans;
  for (auto& plan : *done) {
    plans.emplace_back(std::move(plan.table), plan.only_checked, std::move(plan.statements), std::move(plan.left));
  }
  return plans;
}

std::vector<std::pair<std::string, std::uint64_t>> wait_for_faults(const Faults& self) {
  const nb::gil_scoped_release released;
  return self.queue->wait();
}

Scope make_scope(const Resource& self, std::string_view condition) {
  auto scope = crud::read_scope(*self.resource, condition);
  if (!scope) {
    throw nb::value_error(scope.error().c_str());
  }
  return {std::move(*scope)};
}

Operation make_operation(const Resource& self, std::string_view name, const Scope* scope) {
  using crud::OperationKind;
  constexpr std::pair<std::string_view, OperationKind> kKinds[] = {
      {"list", OperationKind::kList},       {"get", OperationKind::kGet},       {"create", OperationKind::kCreate},
      {"replace", OperationKind::kReplace}, {"update", OperationKind::kUpdate}, {"delete", OperationKind::kDelete}};
  for (const auto& [known, kind] : kKinds) {
    if (name == known) {
      auto operation = crud::make_operation(kind, self.resource, scope != nullptr ? scope->scope : nullptr);
      auto endpoint = crud::make_endpoint(operation);
      return Operation{std::move(operation), std::move(endpoint)};
    }
  }
  throw nb::value_error(("unknown operation \"" + std::string(name) + "\"").c_str());
}

nb::tuple to_python(const crud::Response& response) {
  nb::list headers;
  for (const crud::ResponseHeader& header : response.headers) {
    headers.append(nb::make_tuple(nb::bytes(header.name.data(), header.name.size()),
                                  nb::bytes(header.value.data(), header.value.size())));
  }
  return nb::make_tuple(response.status, nb::bytes(response.content_type.data(), response.content_type.size()),
                        nb::bytes(response.body.data(), response.body.size()), headers);
}

std::string_view view(const nb::bytes& bytes) { return {bytes.c_str(), bytes.size()}; }

// `body` without a copy: Python's object stays as long as this.
void make_request(Request* self, std::string path, std::string query, std::string content_type, nb::bytes body,
                  std::string key, std::string if_match, std::string if_none_match,
                  std::vector<std::string> idempotency_keys, const Scope* scope) {
  new (self) Request{.path = std::move(path),
                     .query = std::move(query),
                     .content_type = std::move(content_type),
                     .body = std::move(body),
                     .key = std::move(key),
                     .if_match = std::move(if_match),
                     .if_none_match = std::move(if_none_match),
                     .idempotency_keys = std::move(idempotency_keys),
                     .scope = scope != nullptr ? scope->scope : nullptr};
}

Request changed_request(const Request& self, std::optional<nb::bytes> body, std::optional<std::string> if_match,
                        std::optional<std::string> if_none_match) {
  Request changed = self;
  if (body) changed.body = std::move(*body);
  if (if_match) changed.if_match = std::move(*if_match);
  if (if_none_match) changed.if_none_match = std::move(*if_none_match);
  return changed;
}

crud::Request views_of(const Request& request) {
  return {.path = request.path,
          .query = request.query,
          .content_type = request.content_type,
          .body = view(request.body),
          .preconditions = {.if_match = request.if_match, .if_none_match = request.if_none_match},
          .key = request.key,
          .idempotency_keys = request.idempotency_keys,
          .scope = request.scope,
          .keyed = request.keyed};
}

nb::object examine(const Operation& self, const Request& request) {
  const auto entries = crud::examine(*self.operation, views_of(request));
  return entries ? nb::object(nb::bytes(entries->data(), entries->size())) : nb::object(to_python(entries.error()));
}

nb::object merge_stored(const Operation& self, const Request& request) {
  const crud::Request views = views_of(request);
  auto item = [&] {
    const nb::gil_scoped_release released;
    return crud::merge_stored(*self.operation, views);
  }();
  return item ? nb::cast(StoredItem{std::move(*item)}) : nb::object(to_python(item.error()));
}

nb::object begin_keyed(const Operation& self, Request& request) {
  const crud::Request views = views_of(request);
  auto begun = [&] {
    const nb::gil_scoped_release released;
    return crud::begin_keyed(*self.operation, views);
  }();
  if (!begun) {
    return to_python(begun.error());
  }
  request.keyed = std::move(*begun);
  return nb::none();
}

void end_keyed(Request& request) {
  if (request.keyed != nullptr) request.keyed->end();
}

/// What a write that Python has prepared was answered.
nb::object written(const crud::Response& response) {
  nb::tuple answer = to_python(response);
  return response.is_repeat ? nb::cast(Repeat{std::move(answer)}) : nb::object(std::move(answer));
}

nb::object write_validated(const Operation& self, const Request& request, const nb::bytes& document) {
  const crud::Request views = views_of(request);
  const std::string_view text = view(document);
  return written([&] {
    const nb::gil_scoped_release released;
    return crud::write_validated(*self.operation, views, text);
  }());
}

nb::object optional_answer(const std::optional<crud::Response>& response) {
  return response ? nb::object(to_python(*response)) : nb::none();
}

nb::object refuse_validated(const Operation& self, const Request& request, const nb::bytes& document) {
  return optional_answer(crud::refuse_validated(*self.operation, views_of(request), view(document)));
}

nb::object refuse_merged(const Operation& self, const StoredItem& before, const nb::bytes& document) {
  return optional_answer(crud::refuse_merged(*self.operation, before.item, view(document)));
}

nb::object write_all_validated(const Operation& self, const Request& request, const std::vector<nb::bytes>& documents) {
  const crud::Request views = views_of(request);
  std::vector<std::string_view> texts;
  for (const nb::bytes& document : documents) texts.push_back(view(document));
  return written([&] {
    const nb::gil_scoped_release released;
    return crud::write_all_validated(*self.operation, views, texts);
  }());
}

nb::object write_merged(const Operation& self, const StoredItem& before, const nb::bytes& document) {
  const std::string_view text = view(document);
  return optional_answer([&] {
    const nb::gil_scoped_release released;
    return crud::write_merged(*self.operation, before.item, text);
  }());
}

crud::Response perform_natively(const Operation& self, const Request& request) {
  const crud::Request views = views_of(request);
  const nb::gil_scoped_release released;
  return crud::perform(*self.operation, views);
}

nb::tuple perform(const Operation& self, const Request& request) { return to_python(perform_natively(self, request)); }

nb::object perform_if_decided(const Operation& self, const Request& request) {
  const crud::Response response = perform_natively(self, request);
  return response.is_undecided ? nb::none() : nb::object(to_python(response));
}

nb::object begin(const Operation& self, const Request& request) {
  const crud::Request views = views_of(request);
  auto read = [&] {
    const nb::gil_scoped_release released;
    return self.operation->begin(views, storage::Reading::at_once());
  }();
  return read->is_answered() ? nb::object(to_python(read->response())) : nb::cast(PendingRead{std::move(read)});
}

nb::tuple wait_for_read(const PendingRead& self) {
  return to_python([&] {
    const nb::gil_scoped_release released;
    return crud::wait_for(*self.read);
  }());
}

bool answers_at_once(const Operation& self) {
  const crud::Resource::Place* const place = self.operation->resource().place();
  return place == nullptr || place->store->answers_at_once();
}

}  // namespace

void bind_crud(nb::module_& module) {
  nb::class_<Faults>(module, "CrudFaults", "What has gone wrong in stores, for the log.")
      .def(nb::init<>())
      .def("wait", &wait_for_faults,
           "Waits for faults: each text, and how often it came in a row. Empty after close().")
      .def("close", [](const Faults& self) { self.queue->close(); })
      .def(
          "forget_in_child", [](const Faults& self) { self.queue->forget_in_child(); },
          "In a forked child: for threads of its own.");
  module.attr("has_test_store") = crud::kHasTestStore;
  nb::class_<Store>(module, "CrudStore", "An open database; closed by close(), which finishes every write.")
      .def("__init__", &open_store, nb::arg("url"), nb::kw_only(), nb::arg("shared_with_processes"),
           nb::arg("max_waiting_writes"), nb::arg("max_waiting_bytes"),
           "Raises ValueError for a URL that is none of a store, OSError where the database cannot be opened.")
      .def_prop_ro("refused_writes", [](const Store& self) { return self.store->refused_writes(); })
      .def_prop_ro("waiting_writes", [](const Store& self) { return self.store->waiting_writes(); })
      // Around a fork. With the GIL: nothing that they wait for needs it, and no other thread may fork meanwhile.
      .def("suspend", [](const Store& self) { self.store->suspend(); })
      .def("resume", [](const Store& self) { self.store->resume(); })
      .def("forget_in_child", &forget_in_child)
      .def("close", [](const Store& self) { self.store->close(); }, nb::call_guard<nb::gil_scoped_release>());
  nb::class_<Resource>(module, "CrudResource", "A model and its table; see data_bridge.crud.")
      .def("__init__", &make_resource, nb::kw_only(), nb::arg("item"), nb::arg("key_model"), nb::arg("page"),
           nb::arg("filters"), nb::arg("fields"), nb::arg("sort"), nb::arg("table"), nb::arg("key"),
           nb::arg("uuid_version"), nb::arg("unique"), nb::arg("indexes"), nb::arg("frozen"), nb::arg("answer").none(),
           nb::arg("answers_extra"), nb::arg("unseen"), nb::arg("read_only"), nb::arg("ignored"),
           nb::arg("replacement").none(), nb::arg("body").none(), nb::arg("patch").none(), nb::arg("page_size"),
           nb::arg("max_page_size"), nb::arg("max_page_bytes"), nb::arg("migrate"), nb::arg("timeout"),
           nb::arg("require_match"), nb::arg("creates"), nb::arg("answer_names"), nb::arg("conflict_names"),
           nb::arg("columns"), nb::arg("foreign_parameters"), nb::arg("faults"),
           "`item`, `key_model`, `page` and `filters` as export_model() writes them. Raises ValueError.")
      .def("attach", &attach, nb::arg("store"),
           "Brings the table up to date. Raises ValueError where it does not fit the model, OSError where the "
           "database fails.")
      .def(
          "detach", [](const Resource& self) { self.resource->detach(); },
          "The store is about to be closed: until attach() the answer is 503.")
      .def("scope", &make_scope, nb::arg("condition"), "Of a condition as JSON. Raises ValueError.")
      .def("operation", &make_operation, nb::arg("name"), nb::arg("scope").none(),
           "`scope`: of requests that come with none.");
  module.def("plan_store", &run_migration<&crud::plan_store>, nb::arg("url"), nb::arg("resources"), nb::kw_only(),
             nb::arg("drop"), nb::arg("convert"),
             "What would be done to the tables of these resources. Raises ValueError, OSError.");
  module.def("migrate_store", &run_migration<&crud::migrate_store>, nb::arg("url"), nb::arg("resources"), nb::kw_only(),
             nb::arg("drop"), nb::arg("convert"),
             "Does it, in one transaction. Raises ValueError where a value has no form in its new column, OSError.");
  nb::class_<Scope>(module, "CrudScope", "What confines operations to some of the items.");
  nb::class_<Request>(module, "CrudRequest", "What an operation has to know of a request.")
      .def("__init__", &make_request, nb::arg("path"), nb::kw_only(), nb::arg("query") = "",
           nb::arg("content_type") = "", nb::arg("body") = nb::bytes("", 0), nb::arg("key") = "",
           nb::arg("if_match") = "", nb::arg("if_none_match") = "",
           nb::arg("idempotency_keys") = std::vector<std::string>(), nb::arg("scope").none() = nb::none())
      .def_ro("query", &Request::query)
      .def_ro("content_type", &Request::content_type)
      .def_ro("body", &Request::body)
      .def_ro("key", &Request::key)
      .def_ro("if_match", &Request::if_match)
      .def_ro("if_none_match", &Request::if_none_match)
      .def_ro("idempotency_keys", &Request::idempotency_keys)
      .def("changed", &changed_request, nb::kw_only(), nb::arg("body").none() = nb::none(),
           nb::arg("if_match").none() = nb::none(), nb::arg("if_none_match").none() = nb::none(),
           "The same, but for what is given.");
  nb::class_<Operation>(module, "CrudOperation", "One operation of a resource, for both doors.")
      .def_prop_ro("is_read", [](const Operation& self) { return self.operation->is_read(); })
      .def("perform", &perform, nb::arg("request"),
           "Status, content type, body, and a list of further headers. Waits, without the GIL, until a write is "
           "durable.")
      .def("perform_if_decided", &perform_if_decided, nb::arg("request"),
           "The same; None where nothing was done, because only Python can say whether the body is valid.")
      .def_prop_ro("answers_at_once", &answers_at_once,
                   "True where no call about one item by its key, but for writes, waits for another thread.")
      .def("begin", &begin, nb::arg("request"),
           "Of a read: an answer like perform()'s, or where it takes longer a CrudRead, to be waited for on a thread "
           "that nobody waits for.")
      .def("examine", &examine, nb::arg("request"),
           "Of a write whose item Python validates: an answer like perform()'s to a body that cannot be read, else the "
           "errors of all but the body's content as entries of `detail`, b'' for none.")
      .def("begin_keyed", &begin_keyed, nb::arg("request"),
           "Of a create with an Idempotency-Key that examine() had nothing against, before Python does anything for "
           "it: an answer like perform()'s, the remembered one or that it is in progress, or None: go on, write, "
           "end_keyed().")
      .def_static("end_keyed", &end_keyed, nb::arg("request"), "Others with the key may begin.")
      .def("write_validated", &write_validated, nb::arg("request"), nb::arg("document"),
           "Creates or replaces the item `document`, in JSON mode; answers like perform(), or with a CrudRepeat.")
      .def("write_all_validated", &write_all_validated, nb::arg("request"), nb::arg("documents"),
           "Creates the items of the list that the body is, in its order, or none; answers as write_validated().")
      .def("merge_stored", &merge_stored, nb::arg("request"),
           "The stored item with the body's patch merged into it, or an answer like perform()'s.")
      .def("write_merged", &write_merged, nb::arg("before"), nb::arg("document"),
           "Replaces `before` by `document`; answers like perform(). None where the item has changed since.")
      .def("refuse_validated", &refuse_validated, nb::arg("request"), nb::arg("document"),
           "What write_validated() would answer without asking the store, or None.")
      .def("refuse_merged", &refuse_merged, nb::arg("before"), nb::arg("document"),
           "What write_merged() would answer without asking the store, or None.");
  nb::class_<PendingRead>(module, "CrudRead", "A read that is on its way.")
      .def("wait", &wait_for_read, "An answer like perform()'s. Once.");
  nb::class_<Repeat>(module, "CrudRepeat", "Nothing was written: another process has answered the request before.")
      .def_ro("answer", &Repeat::answer);
  nb::class_<StoredItem>(module, "StoredItem", "An item that a patch was merged with.")
      .def_prop_ro("merged",
                   [](const StoredItem& self) { return nb::bytes(self.item.merged.data(), self.item.merged.size()); });
}

std::shared_ptr<routing::Endpoint> endpoint_of(nb::handle operation, std::shared_ptr<routing::Endpoint> python) {
  if (!nb::isinstance<Operation>(operation)) return nullptr;
  const auto& found = nb::cast<const Operation&>(operation);
  return python == nullptr ? found.endpoint : crud::make_endpoint(found.operation, std::move(python));
}

}  // namespace data_bridge::bridge
