#!/bin/bash
# Installs what is missing (Debian packages, a virtual environment) for one Python. Safe to run again: it then does nothing.
# usage: scripts/setup.sh PYTHON     e.g. python3, /opt/python3.13/bin/python
set -euo pipefail
cd "$(dirname "$0")/.."

python="${1:-python3}"
say() { printf '\033[1msetup:\033[0m %s\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

command -v "$python" >/dev/null || fail "there is no '$python'; install Python 3.11 or newer, or choose one with PYTHON=..."
"$python" -c '' 2>/dev/null || fail "'$python' does not run here (a pyenv shim of a version that is not selected?): give PYTHON= a full path"
version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python $version is too old: 3.11 or newer is needed"

# --- Debian packages -------------------------------------------------------------------------------------------------
if command -v dpkg-query >/dev/null; then
  mapfile -t wanted < <(grep -v '^#' scripts/debian-packages.txt)
  # Debian's own Python comes without headers and venv; any other brings them along.
  if [[ "$("$python" -c 'import sys; print(sys.base_prefix)')" == /usr ]]; then
    wanted+=("python$version-dev" "python$version-venv")
  fi
  missing=()
  for package in "${wanted[@]}"; do
    [[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] || missing+=("$package")
  done
  if ((${#missing[@]})); then
    command="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
    if ((EUID != 0)); then
      printf 'setup: %d Debian packages are missing. Run this once, then the same make again:\n\n  sudo sh -c "%s"\n\n' \
        "${#missing[@]}" "$command" >&2
      exit 1
    fi
    say "installing ${#missing[@]} Debian packages: ${missing[*]}"
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
  else
    say "all ${#wanted[@]} Debian packages are there"
  fi
else
  say "this is no Debian: install the counterparts of scripts/debian-packages.txt yourself"
fi

# --- Virtual environment -----------------------------------------------------------------------------------------------
venv=".venv-$version"
if [[ ! -x "$venv/bin/python" ]] || ! "$venv/bin/python" -c '' 2>/dev/null; then
  say "making $venv for $("$python" -c 'import sys; print(sys.executable)')"
  rm -rf "$venv"
  "$python" -m venv "$venv"
fi
requirements="$("$venv/bin/python" scripts/requirements.py dev)"
stamp="$venv/.installed"
if [[ "$(cat "$stamp" 2>/dev/null)" == "$requirements" ]]; then
  say "all Python packages are in $venv"
else
  say "installing Python packages into $venv"
  "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar on $requirements
  printf '%s\n' "$requirements" >"$stamp"
fi

"$venv/bin/python" scripts/link_tree.py
