#!/bin/bash
# Builds the extension module under AddressSanitizer and UndefinedBehaviorSanitizer and lets the soak test load a server.
# usage: scripts/soak.sh PYTHON REQUESTS JOBS
set -euo pipefail
cd "$(dirname "$0")/.."

python="$1"
requests="$2"
jobs="$3"
sanitizer=asan
source scripts/sanitized_module.sh

export DATA_BRIDGE_COMMAND="$sanitized_python"
export PYTHONPATH="$sanitized_path"
export DATA_BRIDGE_SOAK_REQUESTS="$requests"
export DATA_BRIDGE_SOAK_GROWTH_MIB=32
# The clients run without the sanitizer, in the tree's ordinary build.
status=0
"$python" -m pytest tests/chaos/test_soak.py tests/chaos/test_disconnects.py -s -p no:cacheprovider || status=$?
check_reports || status=1
exit "$status"
