// From a request to the arguments of an endpoint, by the validators that FastAPI built.
#pragma once

#include <Python.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/compiled/plan.hpp"
#include "http/request.hpp"
#include "pyloop/py_ref.hpp"

namespace data_bridge::bridge {

/// Appends one value for each of plan.argument_names. False, with no Python exception set, where FastAPI
/// itself has to answer: something is missing or invalid, or the body is not plain JSON.
bool make_arguments(const RoutePlan& plan, const http::Request& request, std::span<const std::string> path_values,
                    std::string_view body, std::vector<pyloop::PyRef>& arguments);

}  // namespace data_bridge::bridge
