#!/bin/bash
# Builds the extension module under AddressSanitizer and UndefinedBehaviorSanitizer and lets the soak test load a server.
# usage: scripts/soak.sh PYTHON REQUESTS JOBS
set -euo pipefail
cd "$(dirname "$0")/.."

python="$1"
requests="$2"
jobs="$3"
build="build/asan-module"

cmake --preset asan-module -DPython_EXECUTABLE="$python" >/dev/null
cmake --build --preset asan-module -j"$jobs"

# The package beside the instrumented module: the tree's Python files, but not its module.
package="$PWD/$build/python/data_bridge"
find "$package" -type l -delete
for file in python/data_bridge/*.py; do
  ln -s "$PWD/$file" "$package/"
done

# Python itself is not instrumented, so the sanitizer has to be there before it starts; libstdc++ with it, else the
# sanitizer finds no __cxa_throw to wrap. Python's own allocator would hide what is freed. The quarantine is small enough
# to be full after the warm-up: its growth would look like a leak.
preload="$(g++ -print-file-name=libasan.so):$(g++ -print-file-name=libstdc++.so.6)"
export DATA_BRIDGE_COMMAND="env LD_PRELOAD=$preload PYTHONMALLOC=malloc $python"
export ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=4:halt_on_error=1"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
export PYTHONPATH="$PWD/$build/python"
export DATA_BRIDGE_SOAK_REQUESTS="$requests"
export DATA_BRIDGE_SOAK_GROWTH_MIB=32
# The clients run without the sanitizer, in the tree's ordinary build.
"$python" -m pytest tests/chaos/test_soak.py tests/chaos/test_disconnects.py -s -p no:cacheprovider
