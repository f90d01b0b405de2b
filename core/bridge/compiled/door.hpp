// How a request comes to a compiled route, and how its answer leaves: from the connection, or from within the
// application's own middleware.
#pragma once

#include <Python.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/request.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Whether an answer of that status is sent with the body that it is given, whatever it is.
[[nodiscard]] constexpr bool has_plain_body(long status) noexcept {
  return status >= 200 && status <= 599 && status != 204 && status != 205 && status != 304;
}

/// On the loop's thread, with the GIL.
class Door {
 public:
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;
  virtual ~Door() = default;

  /// Names of fields in any case; the views live as long as the door.
  virtual const http::Request& head() = 0;
  /// Of the route's template, decoded, for its convertors.
  virtual std::span<const std::string> path_values() = 0;
  /// A dict of the path's parameters that routing has converted already; null: path_values() is to be.
  virtual PyObject* path_params() { return nullptr; }
  /// The Request that somebody has made; null: it is made where it is needed.
  virtual PyObject* given_request() { return nullptr; }
  /// What comes of the request is for the caller, as FastAPI's request handler does it: a Response, or an exception.
  [[nodiscard]] virtual bool returns_response() const noexcept { return false; }
  /// Borrowed, made at the first use; null with an exception set. `scope` has all that a handler of FastAPI's can see,
  /// but for what make_scope_complete() adds.
  virtual PyObject* scope() = 0;
  virtual PyObject* receive() = 0;
  virtual PyObject* send() = 0;
  /// Whether the scope is there already, and somebody may look at it.
  [[nodiscard]] virtual bool scope_is_seen() const noexcept = 0;
  /// The application's own code for this request, from its routing on. Nothing of it must have been received yet.
  virtual pyloop::PyRef hand_over() = 0;

  /// The whole body, where it is there. Else it must be received.
  virtual const std::string_view* body() = 0;

  enum class Piece : std::uint8_t {
    kMore,        ///< `piece`, which lives until the next is asked for; others follow
    kLast,        ///< the same, and the last
    kDisconnect,  ///< the client has left
    kAwait,       ///< `next` is to be awaited, and its value given to received_piece()
    kError,       ///< a Python exception is set
  };
  /// The body as it comes in.
  virtual Piece next_piece(std::string_view& piece, pyloop::PyRef& next) = 0;
  virtual Piece received_piece(PyObject* value, std::string_view& piece) = 0;

  /// The next answer is not the end: dependencies exit behind it, or tasks run.
  virtual void keep_open() noexcept {}
  enum class Answer : std::uint8_t {
    kDone,
    kAwait,    ///< `next` is to be awaited, and then next_message() asked
    kNotHere,  ///< nothing was sent: this needs the general way
    kError,    ///< a Python exception is set
  };
  /// `status`: an int, of whatever class. `headers`: a list of (bytes, bytes), as Response.raw_headers. `body`: bytes.
  virtual Answer answer(PyObject* status, PyObject* headers, PyObject* body, pyloop::PyRef& next) = 0;
  /// A JSON document, and `headers` behind the two fields that say so; null: none.
  virtual Answer answer_json(long status, std::string_view body, PyObject* headers, pyloop::PyRef& next) = 0;
  virtual Answer next_message(pyloop::PyRef& next) = 0;
  /// A part of the answer has left.
  [[nodiscard]] virtual bool started() const noexcept = 0;
  enum class Around : std::uint8_t {
    kNothing,     ///< `finish_native` puts the application's layers around an outcome
    kMiddleware,  ///< the application's, and FastAPI's own outside of it; `finish_inside` puts those behind it
    kEverything,
  };
  /// Which layers of the application's stack are.
  [[nodiscard]] virtual Around around() const noexcept = 0;

  /// For the garbage collector, where a Python object keeps the door.
  virtual int traverse(visitproc /*visit*/, void* /*arg*/) const { return 0; }

 protected:
  Door() = default;
  /// answer() with the document as bytes.
  Answer answer_json_by_messages(long status, std::string_view body, PyObject* headers, pyloop::PyRef& next);
};

}  // namespace data_bridge::bridge
