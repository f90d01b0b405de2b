# Sourced, from the root of the tree: builds the extension module under AddressSanitizer and UndefinedBehaviorSanitizer for
# the interpreter $python with $jobs jobs, and sets what a Python that loads it needs: $asan_python is the command,
# $asan_path its PYTHONPATH; ASAN_OPTIONS and UBSAN_OPTIONS are exported.

asan_build="build/asan-module"
cmake --preset asan-module -DPython_EXECUTABLE="$python" >/dev/null
cmake --build --preset asan-module -j"$jobs"

# The package beside the instrumented module: the tree's Python files, but not its module.
asan_path="$PWD/$asan_build/python"
find "$asan_path/data_bridge" -type l -delete
for file in python/data_bridge/*.py; do
  ln -s "$PWD/$file" "$asan_path/data_bridge/"
done

# Python itself is not instrumented, so the sanitizer has to be there before it starts; libstdc++ with it, else the
# sanitizer finds no __cxa_throw to wrap. Python's own allocator would hide what is freed. The quarantine is small enough
# to be full after the warm-up: its growth would look like a leak.
asan_preload="$(g++ -print-file-name=libasan.so):$(g++ -print-file-name=libstdc++.so.6)"
asan_python="env LD_PRELOAD=$asan_preload PYTHONMALLOC=malloc $python"
export ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=4:halt_on_error=1"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
