// Hands a request to a compiled route.
#include "bridge/compiled/endpoint.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bridge/asgi/callables.hpp"
#include "bridge/asgi/message.hpp"
#include "bridge/asgi/scope.hpp"
#include "bridge/compiled/door.hpp"
#include "bridge/compiled/frame.hpp"
#include "bridge/run.hpp"
#include "bridge/text.hpp"
#include "text/characters.hpp"

namespace data_bridge::bridge {

using pyloop::PyRef;

namespace {

/// Appends views of (name, value) pairs; false where one is for the general way: names that are not sent as they are,
/// and framing and connection fields set by hand.
bool read_fields(PyObject* list, std::size_t body_size, std::vector<http::Header>& out) {
  const Py_ssize_t count = PyList_GET_SIZE(list);
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* pair = PyList_GET_ITEM(list, i);
    if (!PyTuple_CheckExact(pair) || PyTuple_GET_SIZE(pair) != 2) return false;
    PyObject* name = PyTuple_GET_ITEM(pair, 0);
    PyObject* value = PyTuple_GET_ITEM(pair, 1);
    if (!PyBytes_CheckExact(name) || !PyBytes_CheckExact(value)) return false;
    const std::string_view name_view = bytes_view(name);
    if (!http::valid_header(name_view, bytes_view(value)) || text::has_upper(name_view) || name_view == "connection" ||
        name_view == "transfer-encoding" ||
        (name_view == "content-length" && bytes_view(value) != std::to_string(body_size))) {
      return false;
    }
    out.push_back({name_view, bytes_view(value)});
  }
  return true;
}

/// The request and the answer of a connection.
class NativeDoor final : public Door {
 public:
  NativeDoor(Run& run, const RoutePlan& plan, const std::vector<std::string>& path_values)
      : run_(run), plan_(plan), path_values_(path_values) {}

  const http::Request& head() override { return request().head(); }
  std::span<const std::string> path_values() override { return path_values_; }
  const std::string_view* body() override {
    body_ = request().body();
    return &body_;
  }

  Piece next_piece(std::string_view& piece, PyRef& next) override {
    if (take_body_piece(run_.conversation(), body_piece_)) return taken_piece(piece);
    next = open() ? await_body_piece(run_.callables()) : PyRef();
    return next ? Piece::kAwait : Piece::kError;
  }
  Piece received_piece(PyObject* /*value*/, std::string_view& piece) override {
    take_awaited_piece(run_.callables(), body_piece_);
    return taken_piece(piece);
  }

  PyObject* scope() override {
    if (!scope_) scope_ = make_http_scope(run_.app(), run_.conversation());
    return scope_.get();
  }
  PyObject* receive() override {
    if (!receive_ && open()) receive_ = receive_of(run_.callables());
    return receive_.get();
  }
  PyObject* send() override {
    if (!send_ && open()) send_ = send_of(run_.callables());
    return send_.get();
  }
  [[nodiscard]] bool scope_is_seen() const noexcept override { return false; }
  PyRef hand_over() override { return run_.application_coroutine(); }

  void keep_open() noexcept override { run_.conversation().expect_more(); }
  Answer answer(PyObject* status_object, PyObject* headers, PyObject* body, PyRef& /*next*/) override {
    const long status = PyLong_AsLong(status_object);
    std::vector<http::Header> fields;
    fields.reserve(static_cast<std::size_t>(PyList_GET_SIZE(headers)));
    const std::string_view content = bytes_view(body);
    if (!is_here(status, content) || !read_fields(headers, content.size(), fields)) return Answer::kNotHere;
    run_.log_access(static_cast<int>(status));
    run_.conversation().respond(static_cast<int>(status), fields, content);
    return Answer::kDone;
  }

  Answer answer_json(long status, std::string_view body, PyObject* headers, PyRef& /*next*/) override {
    if (!is_here(status, body)) return Answer::kNotHere;
    if (headers == nullptr || (PyList_CheckExact(headers) && PyList_GET_SIZE(headers) == 0)) {
      run_.log_access(static_cast<int>(status));
      run_.conversation().respond(static_cast<int>(status), "application/json", body);
      return Answer::kDone;
    }
    const std::string length = std::to_string(body.size());
    std::vector<http::Header> fields{{"content-length", length}, {"content-type", "application/json"}};
    if (!PyList_CheckExact(headers) || !read_fields(headers, body.size(), fields)) return Answer::kNotHere;
    run_.log_access(static_cast<int>(status));
    run_.conversation().respond(static_cast<int>(status), fields, body);
    return Answer::kDone;
  }

  Answer next_message(PyRef& /*next*/) override { return Answer::kDone; }
  [[nodiscard]] bool started() const noexcept override {
    return run_.conversation().state() != Conversation::State::kWaiting;
  }
  [[nodiscard]] Around around() const noexcept override { return Around::kNothing; }

 private:
  [[nodiscard]] bool is_here(long status, std::string_view body) const noexcept {
    return has_plain_body(status) && body.size() <= run_.conversation().largest_body();
  }

  Piece taken_piece(std::string_view& piece) const noexcept {
    piece = body_piece_.bytes;
    if (body_piece_.disconnected) return Piece::kDisconnect;
    return body_piece_.more_body ? Piece::kMore : Piece::kLast;
  }

  const http::OwnedRequest& request() { return run_.conversation().request(); }

  /// What the program has read itself is not received once more.
  bool open() {
    if (run_.callables() == nullptr) return false;
    if (plan_.reads_body && !std::exchange(opened_, true)) {
      std::string body;
      bool more_body = false;
      run_.conversation().receive(body, more_body);
    }
    return true;
  }

  Run& run_;
  const RoutePlan& plan_;
  const std::vector<std::string>& path_values_;
  std::string_view body_;
  BodyPiece body_piece_;
  PyRef scope_;
  PyRef receive_;
  PyRef send_;
  bool opened_ = false;
};

class RouteRun final : public Run {
 public:
  RouteRun(AppContext& app, const std::shared_ptr<RouteEndpoint>& endpoint, http::Exchange& exchange,
           routing::PathParameters parameters)
      : Run(app, endpoint, exchange,
            endpoint->plan().streams_body ? Conversation::Body::kStream : Conversation::Body::kWhole,
            endpoint->timeout()),
        endpoint_(*endpoint),
        path_values_(parameters.begin(), parameters.end()),
        door_(*this, endpoint->plan(), path_values_) {}
  ~RouteRun() override {
    if (frame_) abandon_frame(frame_.get());
  }

 private:
  PyRef begin() override {
    const RoutePlan& plan = endpoint_.plan();
    if (!endpoint_.valid(conversation().head_at()) || has_overrides(plan)) return application_coroutine();
    app().counters.compiled.fetch_add(1, std::memory_order_relaxed);
    frame_ = make_frame(door_, plan);
    return PyRef::borrow(frame_.get());
  }

  RouteEndpoint& endpoint_;  // which the run keeps: a recompilation may replace the table while this runs
  std::vector<std::string> path_values_;
  NativeDoor door_;
  PyRef frame_;  // it knows this run, and somebody else may keep it
};

}  // namespace

bool has_overrides(const RoutePlan& plan) {
  if (!plan.overrides) return false;
  static PyObject* const name = PyUnicode_InternFromString("dependency_overrides");
  const PyRef overrides = PyRef::steal(PyObject_GetAttr(plan.overrides.get(), name));
  const int truth = overrides ? PyObject_IsTrue(overrides.get()) : -1;
  if (truth < 0) PyErr_Clear();
  return truth != 0;
}

void RouteEndpoint::serve(http::Exchange& exchange, routing::PathParameters parameters) {
  Run::start<RouteRun>(*app_, shared_from_this(), exchange, parameters);
}

}  // namespace data_bridge::bridge
