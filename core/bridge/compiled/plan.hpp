// What a compiled FastAPI route does, read once from the plan that compiler.py made.
#pragma once

#include <Python.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

enum class ParameterIn : std::uint8_t { kPath, kQuery, kHeader };

/// One argument from the path, the query or a header field.
struct ParameterPlan {
  ParameterIn in = ParameterIn::kQuery;
  std::vector<std::string> aliases;  ///< UTF-8; the first one present counts
  std::size_t path_index = 0;        ///< kPath: which parameter of the template
  bool many = false;                 ///< all values, as a list
  pyloop::PyRef convert;             ///< kPath: the convertor's convert(str), or empty for str
  pyloop::PyRef validate;            ///< validate_python, or empty where any str is valid as it is
  bool required = true;
  pyloop::PyRef default_value;  ///< an immutable default
  pyloop::PyRef make_default;   ///< or a callable that makes a fresh one
};

/// More keywords than SchemaSerializer.to_json() has in FastAPI's call.
inline constexpr std::size_t kMaxToJsonKeywords = 12;

struct ResponsePlan {
  int status = 200;
  pyloop::PyRef validate;       ///< of the response field; empty: a plain JSON response
  pyloop::PyRef to_json;        ///< serializer.to_json, with `to_json_keywords`
  pyloop::PyRef to_json_names;  ///< tuple of keyword names
  std::vector<pyloop::PyRef> to_json_values;
  pyloop::PyRef invalid;    ///< (content) -> the ResponseValidationError to raise
  pyloop::PyRef render;     ///< (content) -> Response, for what the native JSON writer leaves alone
  bool plain_json = false;  ///< exact JSONResponse: the native writer may serve
};

/// Everything that is fixed about a route. The attribute names of the Python side are those of
/// compiler.RoutePlan.
struct RoutePlan {
  pyloop::PyRef call;
  pyloop::PyRef threaded;  ///< run_in_threadpool for a sync endpoint, else empty
  std::vector<ParameterPlan> parameters;
  pyloop::PyRef body_validate;   ///< of the JSON body, or empty
  pyloop::PyRef argument_names;  ///< tuple of str: parameters in order, then the body
  ResponsePlan response;
  pyloop::PyRef finish;           ///< async (scope, receive, send, outcome): FastAPI's layers around an outcome
  pyloop::PyRef from_attributes;  ///< ("from_attributes",): the keyword of FastAPI's calls of validators
  pyloop::PyRef parse_json;       ///< pydantic_core.from_json
  pyloop::PyRef response_class;   ///< starlette.responses.Response
  pyloop::PyRef simple_classes;   ///< frozenset of exact response classes that only carry bytes
  bool strict_content_type = true;
};

/// Reads the attributes of a compiler.RoutePlan; nullopt with a Python exception set on failure.
std::optional<RoutePlan> read_route_plan(PyObject* plan);

}  // namespace data_bridge::bridge
