#!/bin/bash
# Runs every fuzzer of a build for some seconds, starting from the corpus beside its source; fails on the first finding.
# usage: scripts/fuzz.sh BUILD_DIR SECONDS
set -euo pipefail
cd "$(dirname "$0")/.."

build="$1"
seconds="$2"
found=0
while IFS= read -r fuzzer; do
  name="$(basename "$fuzzer")"
  layer="$(dirname "${fuzzer#"$build"/}")"
  seeds="$layer/${name%_fuzz}_corpus"
  # New inputs go to the build directory: the tree's corpus grows by hand only.
  corpus="$build/corpus/$name"
  mkdir -p "$corpus"
  directories=("$corpus")
  [[ -d "$seeds" ]] && directories+=("$seeds")
  printf '%s: %s seconds, %s seeds\n' "$name" "$seconds" "$(find "${directories[@]}" -type f | wc -l)"
  log="$build/corpus/$name.log"
  if ! "$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build/corpus/$name-" "${directories[@]}" >"$log" 2>&1; then
    tail -n 60 "$log"
    echo "$name: FAILED, the input is in $build/corpus/" >&2
    exit 1
  fi
  grep -E 'stat::(number_of_executed_units|peak_rss_mb)' "$log" | sed "s/^/  /"
  found=$((found + 1))
done < <(find "$build/core" -maxdepth 3 -type f -executable -name '*_fuzz' | sort)
((found)) || {
  echo "no fuzzer was built" >&2
  exit 1
}
