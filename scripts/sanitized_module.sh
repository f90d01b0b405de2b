# Sourced, from the root of the tree: builds the extension module under a sanitizer for the interpreter $python with $jobs
# jobs; $sanitizer is asan (AddressSanitizer and UndefinedBehaviorSanitizer) or tsan (ThreadSanitizer). Sets what a Python
# that loads the module needs: $sanitized_python is the command, $sanitized_path its PYTHONPATH; the sanitizer's options
# are exported. Processes that such a Python starts inherit all of it. After the run, check_reports.

sanitized_build="build/$sanitizer"
cmake --preset "$sanitizer" -DPython_EXECUTABLE="$python" >/dev/null
cmake --build --preset "$sanitizer" -j"$jobs" --target _core

# The package beside the instrumented module: the tree's Python files, but not its module.
sanitized_path="$PWD/$sanitized_build/python"
find "$sanitized_path/data_bridge" -type l -delete
for file in python/data_bridge/*.py python/data_bridge/[a-z]*/; do
  ln -s "$PWD/${file%/}" "$sanitized_path/data_bridge/"
done

# Reports go into files: the standard error of a server or of a worker of pytest goes elsewhere, or gets lost with it.
sanitizer_reports="$PWD/$sanitized_build/reports"
rm -rf "$sanitizer_reports"
mkdir "$sanitizer_reports"
sanitizer_options="log_path=$sanitizer_reports/report"

# Python itself is not instrumented, so the sanitizer has to be there before it starts.
case "$sanitizer" in
asan)
  # libstdc++ with it, else the sanitizer finds no __cxa_throw to wrap. The quarantine is small enough to be full after
  # the warm-up: its growth would look like a leak.
  sanitized_preload="$(clang++-19 -print-file-name=libclang_rt.asan-x86_64.so):$(g++ -print-file-name=libstdc++.so.6)"
  export ASAN_OPTIONS="$sanitizer_options:detect_leaks=0:quarantine_size_mb=4:halt_on_error=1"
  export UBSAN_OPTIONS="$sanitizer_options:print_stacktrace=1:halt_on_error=1"
  ;;
tsan)
  # It takes the place of libpthread's functions, so it sees the synchronisation of what is not instrumented too: the GIL
  # is a mutex and a condition variable. A run goes on after a report, to find all there are: check_reports fails it.
  # die_after_fork: tests fork processes that have threads, on purpose.
  sanitized_preload="$(clang++-19 -print-file-name=libclang_rt.tsan-x86_64.so)"
  sanitizer_options+=":suppressions=$PWD/scripts/tsan_suppressions.txt"
  export TSAN_OPTIONS="$sanitizer_options:halt_on_error=0:exitcode=0:die_after_fork=0"
  ;;
*)
  echo "no such sanitizer: '$sanitizer'" >&2
  exit 2
  ;;
esac
# Python's own allocator would hide what is freed.
sanitized_python="env LD_PRELOAD=$sanitized_preload PYTHONMALLOC=malloc $python"

# Fails, and shows them, where any process of the run has reported something.
check_reports() {
  local reports
  reports="$(find "$sanitizer_reports" -type f -size +0)"
  if [[ -n "$reports" ]]; then
    xargs head -n 120 <<<"$reports" >&2
    printf '%s: %d processes have reported errors, see %s\n' "$sanitizer" "$(wc -l <<<"$reports")" "$sanitizer_reports" >&2
    return 1
  fi
}
