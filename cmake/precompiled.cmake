# Most of a file's compilation are its headers of the standard library. Tests have them precompiled, with GoogleTest;
# layers have where DATA_BRIDGE_PRECOMPILED_HEADERS is on, as it is in the sanitizers' builds: the release build shows
# what a layer's file forgets to include.

set(precompiled_headers <algorithm> <array> <atomic> <charconv> <chrono> <cmath> <condition_variable> <cstdint> <deque>
    <expected> <functional> <future> <list> <map> <memory> <mutex> <optional> <random> <set> <span> <string>
    <string_view> <thread> <unordered_map> <utility> <variant> <vector>)

add_library(data_bridge_precompiled_options INTERFACE)
# What is compiled with them has to agree in this, which some libraries ask for and some do not.
target_compile_options(data_bridge_precompiled_options INTERFACE -pthread)
# What ccache needs to know them again.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(data_bridge_precompiled_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
else()
  target_compile_options(data_bridge_precompiled_options INTERFACE -fpch-preprocess)
endif()

file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/precompiled.cpp" CONTENT "int main() {}\n")
if(DATA_BRIDGE_PRECOMPILED_HEADERS)
  add_library(data_bridge_precompiled OBJECT "${PROJECT_BINARY_DIR}/precompiled.cpp")
  target_link_libraries(data_bridge_precompiled PRIVATE data_bridge_options data_bridge_precompiled_options)
  target_precompile_headers(data_bridge_precompiled PRIVATE ${precompiled_headers})
endif()
if(DATA_BRIDGE_TESTS)
  add_executable(data_bridge_precompiled_test "${PROJECT_BINARY_DIR}/precompiled.cpp")
  target_link_libraries(data_bridge_precompiled_test PRIVATE data_bridge_test_options data_bridge_precompiled_options)
  target_precompile_headers(data_bridge_precompiled_test PRIVATE ${precompiled_headers} <gtest/gtest.h>)
endif()

# data_bridge_precompile(TARGET FROM): TARGET is compiled with what FROM has precompiled, where FROM is there.
function(data_bridge_precompile TARGET FROM)
  if(TARGET ${FROM})
    target_link_libraries(${TARGET} PRIVATE data_bridge_precompiled_options)
    target_precompile_headers(${TARGET} REUSE_FROM ${FROM})
  endif()
endfunction()
