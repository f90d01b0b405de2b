# A layer is one folder of core/, one static library, one include directory that holds nothing else.
# `#include "http/listener.hpp"` compiles only in targets that were linked to the layer `http`, so that
# an arrow that points upwards is a compile error, not a matter of discipline.

set(DATA_BRIDGE_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                         -Wold-style-cast -Woverloaded-virtual)
if(DATA_BRIDGE_WARNINGS_AS_ERRORS)
  list(APPEND DATA_BRIDGE_WARNINGS -Werror)
endif()

add_library(data_bridge_options INTERFACE)
target_compile_options(data_bridge_options INTERFACE ${DATA_BRIDGE_WARNINGS})
if(DATA_BRIDGE_SANITIZE)
  target_compile_options(data_bridge_options INTERFACE
    -fsanitize=${DATA_BRIDGE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(data_bridge_options INTERFACE -fsanitize=${DATA_BRIDGE_SANITIZE})
endif()
if(DATA_BRIDGE_FUZZERS)
  add_custom_target(data_bridge_fuzzers)  # the fuzzers and what they need, without the layers that have none
  # Coverage for every layer; the fuzz targets alone link libFuzzer's main.
  target_compile_options(data_bridge_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(DATA_BRIDGE_TESTS)
  find_package(GTest REQUIRED)
  add_library(data_bridge_test_options INTERFACE)
  target_link_libraries(data_bridge_test_options INTERFACE data_bridge_options GTest::gtest)
  # What a test itself does takes no time, but its compilation does: with the optimizer three times as much.
  target_compile_options(data_bridge_test_options INTERFACE -O0 -g1)
endif()
include(cmake/precompiled.cmake)

# data_bridge_layer(NAME SOURCES a.cpp ... [DEPENDS layer ...] [LIBRARIES target ...]
#                   [TESTS a_test.cpp ...] [BENCHMARKS a_benchmark.cpp ...] [FUZZERS a_fuzz.cpp ...])
# NAME is the folder's path below core/ ("storage/sqlite"); the target is data_bridge_<name with _>.
function(data_bridge_layer NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES;TESTS;BENCHMARKS;FUZZERS" ${ARGN})
  string(REPLACE "/" "_" suffix "${NAME}")
  set(target data_bridge_${suffix})

  set(include_dir "${PROJECT_BINARY_DIR}/layers/${suffix}")
  get_filename_component(parent "${include_dir}/${NAME}" DIRECTORY)
  file(MAKE_DIRECTORY "${parent}")
  file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}" "${include_dir}/${NAME}" SYMBOLIC)

  add_library(${target} STATIC ${ARG_SOURCES})
  target_include_directories(${target} PUBLIC "${include_dir}")
  target_link_libraries(${target} PRIVATE data_bridge_options)
  foreach(layer IN LISTS ARG_DEPENDS)
    string(REPLACE "/" "_" layer "${layer}")
    target_link_libraries(${target} PUBLIC data_bridge_${layer})
  endforeach()
  target_link_libraries(${target} PUBLIC ${ARG_LIBRARIES})
  data_bridge_precompile(${target} data_bridge_precompiled)

  if(DATA_BRIDGE_TESTS AND ARG_TESTS)
    add_executable(${target}_test ${ARG_TESTS})
    target_link_libraries(${target}_test PRIVATE ${target} data_bridge_test_options GTest::gtest_main)
    data_bridge_precompile(${target}_test data_bridge_precompiled_test)
    add_test(NAME ${suffix} COMMAND ${target}_test)
    set_tests_properties(${suffix} PROPERTIES WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" TIMEOUT 300)
  endif()
  if(DATA_BRIDGE_BENCHMARKS AND ARG_BENCHMARKS)
    find_package(benchmark REQUIRED)
    add_executable(${target}_benchmark ${ARG_BENCHMARKS})
    target_link_libraries(${target}_benchmark PRIVATE ${target} data_bridge_options benchmark::benchmark benchmark::benchmark_main)
  endif()
  if(DATA_BRIDGE_FUZZERS)
    foreach(source IN LISTS ARG_FUZZERS)
      get_filename_component(fuzzer "${source}" NAME_WE)
      add_executable(${fuzzer} ${source})
      add_dependencies(data_bridge_fuzzers ${fuzzer})
      target_link_libraries(${fuzzer} PRIVATE ${target} data_bridge_options)
      target_compile_options(${fuzzer} PRIVATE -fsanitize=fuzzer)
      target_link_options(${fuzzer} PRIVATE -fsanitize=fuzzer)
    endforeach()
  endif()
endfunction()
