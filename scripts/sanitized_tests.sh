#!/bin/bash
# Builds the extension module under a sanitizer and runs Python tests with it, servers in processes of their own included.
# usage: scripts/sanitized_tests.sh asan|tsan PYTHON JOBS ARGUMENTS OF PYTEST
set -euo pipefail
cd "$(dirname "$0")/.."

sanitizer="$1"
python="$2"
jobs="$3"
shift 3
source scripts/sanitized_module.sh

export PYTHONPATH="$sanitized_path"
$sanitized_python -c "import data_bridge._core as core; assert '/$sanitized_build/' in core.__file__, core.__file__"
status=0
$sanitized_python -m pytest -p no:cacheprovider "$@" || status=$?
check_reports || status=1
exit "$status"
