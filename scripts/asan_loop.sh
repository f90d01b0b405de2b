#!/bin/bash
# Builds the extension module under AddressSanitizer and UndefinedBehaviorSanitizer and runs the loop's tests with it.
# usage: scripts/asan_loop.sh PYTHON JOBS [ARGUMENTS OF PYTEST]
set -euo pipefail
cd "$(dirname "$0")/.."

python="$1"
jobs="$2"
shift 2
source scripts/asan_module.sh

export PYTHONPATH="$asan_path"
$asan_python -c "import data_bridge._core as core; assert '/$asan_build/' in core.__file__, core.__file__"
# CPython's own tests take some minutes this way; name tests/loop/test_conformance.py to run them.
$asan_python -m pytest tests/loop -p no:cacheprovider --ignore tests/loop/test_conformance.py "$@"
