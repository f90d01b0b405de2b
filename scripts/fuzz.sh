#!/bin/bash
# Runs every fuzzer of a build for some seconds, JOBS at once, starting from the corpus beside its source; fails where one
# finds something.
# usage: scripts/fuzz.sh BUILD_DIR SECONDS JOBS
set -euo pipefail
cd "$(dirname "$0")/.."

export build="$1"
export seconds="$2"
jobs="$3"

run() {
  local fuzzer="$1" name layer seeds corpus directories log
  name="$(basename "$fuzzer")"
  layer="$(dirname "${fuzzer#"$build"/}")"
  seeds="$layer/${name%_fuzz}_corpus"
  # New inputs go to the build directory: the tree's corpus grows by hand only.
  corpus="$build/corpus/$name"
  mkdir -p "$corpus"
  directories=("$corpus")
  [[ -d "$seeds" ]] && directories+=("$seeds")
  log="$build/corpus/$name.log"
  if ! "$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build/corpus/$name-" "${directories[@]}" >"$log" 2>&1; then
    tail -n 60 "$log"
    echo "$name: FAILED, the input is in $build/corpus/" >&2
    return 1
  fi
  printf '%s: %s seconds, %s seeds, %s runs, %s MiB\n' "$name" "$seconds" "$(find "${directories[@]}" -type f | wc -l)" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")"
}
export -f run

fuzzers="$(find "$build/core" -maxdepth 3 -type f -executable -name '*_fuzz' | sort)"
[[ -n "$fuzzers" ]] || {
  echo "no fuzzer was built" >&2
  exit 1
}
xargs -P "$jobs" -I {} bash -euo pipefail -c 'run {}' <<<"$fuzzers"
