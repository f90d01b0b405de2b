// All tests of the contract, for one file of a store's tests to include.
#pragma once

#include "storage/contract/conditions.hpp"
#include "storage/contract/lifecycle.hpp"
#include "storage/contract/lists.hpp"
#include "storage/contract/writes.hpp"
