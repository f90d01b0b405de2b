// What a compiled FastAPI route does: a program of steps, read once from what data_bridge.compile made.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bridge/compiled/response_writer.hpp"
#include "bridge/compiled/watch.hpp"
#include "forms/reading.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

enum class ParameterIn : std::uint8_t { kPath, kQuery, kHeader, kCookie, kBody, kForm };

/// One argument from the path, the query, a header field, a cookie, the body or a form.
struct ParameterPlan {
  ParameterIn in = ParameterIn::kQuery;
  std::vector<std::string> aliases;        ///< UTF-8; the first one present counts
  std::vector<pyloop::PyRef> alias_names;  ///< the same as str
  std::size_t path_index = 0;              ///< kPath: which parameter of the template
  bool many = false;                       ///< all values, as a list
  bool null_is_absent = false;             ///< kBody: a JSON null is no body
  pyloop::PyRef validate;                  ///< validate_python, or empty where any str is valid as it is
  bool required = true;
  bool validate_default = false;
  pyloop::PyRef default_value;  ///< an immutable default
  pyloop::PyRef make_default;   ///< or a callable that makes a fresh one
  pyloop::PyRef errors;         ///< (index of the alias, ValidationError or None) -> list: what was wrong
};

/// What a security scheme of FastAPI's own reads of a request that nobody has looked at, without its coroutine.
struct CredentialPlan {
  ParameterPlan parameter;  ///< its `in` and its alias alone
  bool bearer = false;      ///< of "Bearer <credentials>", the credentials
  pyloop::PyRef make;       ///< (scheme=, credentials=) -> the value; empty: the text itself
  pyloop::PyRef kind;       ///< the scheme's class
  unsigned version = 0;     ///< of that, see class_version()
};

enum class Op : std::uint8_t {
  kParameter,    ///< one argument
  kLocation,     ///< all arguments of one location, by FastAPI's function: (request) -> (values, errors)
  kBody,         ///< all arguments of the body, by FastAPI's coroutine: (body) -> (values, errors)
  kForm,         ///< reads the body as a form: by FormPlan, or by FastAPI's coroutine: (request, its stack) -> form
  kMake,         ///< a fresh object: () -> object
  kReuse,        ///< where the dependency was solved before: takes its value and goes on at `jump`
  kCall,         ///< awaits function(**arguments)
  kThread,       ///< the same in a worker thread
  kStream,       ///< as the endpoint, a generator: (request, arguments, response, tasks or None) -> awaitable of what
                 ///< streams
  kApplication,  ///< as the endpoint: an ASGI application that sees to all the rest
  kEnter,        ///< a dependency with `yield`: (stack of exits, arguments, request) -> awaitable of the value; where
                 ///< there is a `generator`, by its first step
};

/// Slots of objects that are made at their first use.
inline constexpr std::size_t kRequestSlot = 0;
inline constexpr std::size_t kResponseSlot = 1;
inline constexpr std::size_t kTasksSlot = 2;
inline constexpr std::size_t kFirstSlot = 3;
inline constexpr std::size_t kNowhere = SIZE_MAX;

struct Step {
  Op op = Op::kParameter;
  std::size_t slot = kNowhere;    ///< where the value goes
  std::size_t node = 0;           ///< whose argument this is, or which dependency this calls
  std::size_t parent = kNowhere;  ///< of calls: who fails with it
  ParameterPlan parameter;
  std::optional<CredentialPlan> credential;  ///< kCall: what may be done instead
  pyloop::PyRef function;
  pyloop::PyRef generator;                                     ///< kEnter: (**arguments) -> an async generator
  pyloop::PyRef names;                                         ///< tuple of str: keywords of the call
  std::vector<std::size_t> arguments;                          ///< their slots
  std::vector<std::pair<pyloop::PyRef, std::size_t>> outputs;  ///< kLocation, kBody: name, slot
  std::vector<ParameterPlan> fields;                           ///< kBody: of a form, by output; empty: by `function`
  std::size_t cache = kNowhere;                                ///< which cache the value goes to, if it is empty
  bool use_cache = false;
  bool function_scope = false;
  std::size_t jump = 0;
};

/// More keywords than SchemaSerializer.to_json() has in FastAPI's call.
inline constexpr std::size_t kMaxToJsonKeywords = 12;

struct ResponsePlan {
  int status = 200;
  pyloop::PyRef validate;       ///< of the response field; empty: there is none
  pyloop::PyRef to_json;        ///< serializer.to_json, with `to_json_keywords`; empty: `encode` and `render`
  pyloop::PyRef to_json_names;  ///< tuple of keyword names
  std::vector<pyloop::PyRef> to_json_values;
  pyloop::PyRef invalid;    ///< (content, ValidationError, scope) -> the ResponseValidationError to raise
  pyloop::PyRef encode;     ///< (validated content) -> what `render` takes
  pyloop::PyRef render;     ///< (content, injected Response or None, tasks or None) -> Response
  pyloop::PyRef wrap;       ///< the same of a JSON document
  bool plain_json = false;  ///< exact JSONResponse without a field: the native writer may serve
  /// Does what `validate` and `to_json` do where they would run nobody's code; or nullptr.
  const ResponseWriter* writer = nullptr;
  pyloop::PyRef writer_owner;
};

/// What scope and Request need beside the server's keys.
struct ScopePlan {
  std::vector<pyloop::PyRef> path_names;     ///< of the template's parameters
  std::vector<pyloop::PyRef> path_converts;  ///< convert(str), or empty for str
  pyloop::PyRef router;
  pyloop::PyRef endpoint;
  pyloop::PyRef route;               ///< empty: routing leaves none
  pyloop::PyRef fastapi;             ///< dict: what becomes of scope["fastapi"]; empty: nothing
  pyloop::PyRef begin;               ///< (scope): sets what the application's layers set, where they are gone around;
                                     ///< the open session, or None
  pyloop::PyRef begin_inside;        ///< the same of those behind the middleware, where that is not; empty: see Door
  pyloop::PyRef files_key;           ///< where the stack is that closes the files of forms; empty: there is none
  pyloop::PyRef cleanup_key;         ///< where FastAPI keeps the cancel scopes of generators' exits; empty: it has none
  pyloop::PyRef make_stack;          ///< () -> contextlib.AsyncExitStack; empty: the route is none of FastAPI's
  pyloop::PyRef request_stack_key;   ///< where it is in the scope; empty: the scope has none
  pyloop::PyRef function_stack_key;  ///< the same; empty: there is none
  pyloop::PyRef request_class;       ///< starlette.requests.Request
  pyloop::PyRef reads_as_usual;      ///< (type of request) -> bool: that it reads its scope as that class does
  pyloop::PyRef make_request;        ///< (scope, receive, send) -> one of that class
  pyloop::PyRef make_headers;        ///< (list of fields) -> its Headers; empty: nobody has looked at them yet
  pyloop::PyRef make_response;       ///< () -> the Response that is injected
  pyloop::PyRef make_tasks;          ///< () -> fastapi.BackgroundTasks
};

/// SessionMiddleware around a program that is outside of the application's layers.
struct SessionPlan {
  bool known = false;     ///< there is one, and it is that which data_bridge.compile.sessions knows
  std::string cookie;     ///< its name
  pyloop::PyRef changes;  ///< (open session, scope) -> bool: whether it has something to say to the answer
  pyloop::PyRef fields;   ///< (open session, fields) -> those of the answer; None: by the layers in Python
};

/// How forms are read without the framework's parsers. `known`: they are what the native readers were compared with.
struct FormPlan {
  bool known = false;
  forms::Limits limits;
  pyloop::PyRef inherited;    ///< the limits in the scope that `limits` hold for; or None
  pyloop::PyRef make_upload;  ///< (filename, fields) -> UploadFile, over an empty file
  pyloop::PyRef fill;         ///< (UploadFile, bytes): all that is in its file
  pyloop::PyRef write;        ///< async (list of (UploadFile, bytes), or with None: at the end): writes and rewinds
  pyloop::PyRef make_form;    ///< (list of (name, value)) -> FormData
  pyloop::PyRef keep;         ///< (form, scope, request's stack): has its files closed when FastAPI does it
  pyloop::PyRef read_again;   ///< async (request, its stack, due, pieces, ended) -> form: see FormReading::pieces()
};

/// Everything that is fixed about a route. The attribute names of the Python side are those of
/// data_bridge.compile.plan.RoutePlan.
struct RoutePlan {
  std::vector<Step> steps;
  Step endpoint;
  std::size_t slots = kFirstSlot;
  std::size_t nodes = 1;
  std::size_t caches = 0;
  bool reads_body = false;
  bool streams_body = false;  ///< it is for the application to read, as it comes in: begin with the head
  bool reads_head = false;    ///< query or fields
  bool strict_content_type = true;
  bool threaded = false;     ///< a sync endpoint
  bool inside_only = false;  ///< all of the application's layers must be around it
  FormPlan form;
  SessionPlan session;
  ResponsePlan response;
  ScopePlan scope;
  pyloop::PyRef exit_manager;              ///< (a generator that has yielded) -> the context manager that leaves it
  pyloop::PyRef exit_function;             ///< the __aexit__ of its class
  pyloop::PyRef end_again;                 ///< (a generator that has yielded twice) -> awaitable, which raises
  bool generators_outside_scopes = false;  ///< `generator`s count where no cancel scope is around the first of them
  pyloop::PyRef run_in_thread;             ///< run_in_threadpool(function, *arguments, **keywords)
  pyloop::PyRef overrides;                 ///< whose dependency_overrides must be empty; or empty
  pyloop::PyRef parse_cookies;             ///< (list of str) -> dict
  pyloop::PyRef parse_json;                ///< pydantic_core.from_json, while `json_watch` sees no change
  RouteWatch json_watch;                   ///< where FastAPI finds its parser of JSON, which may be patched at any time
  pyloop::PyRef decode_body;               ///< (bytes, scope) -> value, or raises what FastAPI raises
  pyloop::PyRef read_body;                 ///< async (request) -> value, of a request that somebody else has made
  pyloop::PyRef unreadable_body;   ///< (exception, or None for a client that left; scope) -> what FastAPI raises
  pyloop::PyRef undefined;         ///< the body that is absent
  pyloop::PyRef invalid_request;   ///< (errors, body, scope) -> RequestValidationError
  pyloop::PyRef validation_error;  ///< pydantic_core.ValidationError
  /// async (scope, receive, send, ending): what FastAPI does with an outcome, around the exits of the stacks. `ending`:
  /// see data_bridge.compile.finish.Ending.
  pyloop::PyRef answered;             ///< (tasks or None) -> what is left of a response whose answer has been sent
  bool answers_before_exits = false;  ///< an answer may leave before the request's stack exits
  pyloop::PyRef finish;               ///< within the application's layers
  pyloop::PyRef finish_native;        ///< with the application's layers
  pyloop::PyRef finish_inside;        ///< with those behind its middleware; or empty
  pyloop::PyRef from_attributes;      ///< ("from_attributes",): the keyword of FastAPI's calls of validators
  pyloop::PyRef response_class;       ///< starlette.responses.Response
  pyloop::PyRef only_bytes;           ///< (type) -> bool: whether its answer is status, fields and bytes
  pyloop::PyRef known_types;          ///< dict: what only_bytes() has said
};

/// Reads the attributes of a RoutePlan of Python's; nullopt with a Python exception set on failure.
std::optional<RoutePlan> read_route_plan(PyObject* plan);
/// The same of a NativeForm.
std::optional<FormPlan> read_form_plan(PyObject* form);

}  // namespace data_bridge::bridge
