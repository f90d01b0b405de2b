// One request being answered by Python: from the loop's batch of work to the end of its coroutine.
#pragma once

#include <Python.h>

#include <memory>
#include <optional>

#include "bridge/app_context.hpp"
#include "bridge/body_inbox.hpp"
#include "bridge/incoming.hpp"
#include "pyloop/handler_task.hpp"
#include "pyloop/loop.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Owns itself from submit() until its coroutine has ended: no other object lives exactly as long. Made on the
/// connection's thread.
class Call : public pyloop::PythonWork, public pyloop::Completion {
 public:
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// Queues `call` on the loop and takes it over: it destroys itself when it has ended.
  static void submit(Call& call);

  void run() noexcept final;
  /// The loop was closed first: the request ends with its connection.
  void drop() noexcept final;
  void done(PyObject* result, PyObject* exception) noexcept final;

  [[nodiscard]] AppContext& app() noexcept { return app_; }
  [[nodiscard]] const Incoming& incoming() const noexcept { return incoming_; }

  /// The cycle of this request, made at the first call; null with a Python exception set on failure.
  PyObject* cycle();
  /// A whole answer without a cycle. At most one.
  void respond(int status, std::string_view content_type, std::string_view body);
  void respond(int status, std::span<const http::Header> headers, std::string_view body);
  /// A coroutine of the ASGI application, for this request. Empty with an exception set on failure.
  pyloop::PyRef application_coroutine();

 protected:
  Call(AppContext& app, http::Exchange& exchange);
  ~Call() = default;

  /// The coroutine that answers; empty where it was answered already (no exception set) or on failure.
  virtual pyloop::PyRef begin() = 0;
  /// Destroys the most derived object, with the GIL.
  virtual void destroy() noexcept = 0;
  /// The inbox for cycle(): the body as it comes, or as it was buffered.
  virtual std::shared_ptr<BodyInbox> inbox() = 0;
  /// An inbox for an exchange that has had none until now; `whole_body` where it is known.
  std::shared_ptr<BodyInbox> late_inbox(std::optional<std::string_view> whole_body);

 private:
  void fail(PyObject* exception) noexcept;
  void breach(const char* message) noexcept;

  AppContext& app_;
  Incoming incoming_;
  pyloop::PyRef cycle_;
  bool* ended_in_first_step_ = nullptr;  // while run() is on the stack
  bool answered_ = false;
};

}  // namespace data_bridge::bridge
