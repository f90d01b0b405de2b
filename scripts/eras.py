"""Runs the tests that compare with uvicorn beside older releases of FastAPI, Starlette and Pydantic: one of each era.

Every era has a virtual environment in build/eras, with the tree's own package, whose extension module serves all of
them. An era begins where FastAPI changed what compiled routes go around; docs/architecture.md says where that is read.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent

#: FastAPI, Starlette, Pydantic, and what is particular to the era.
ERAS = [
    ("0.115.0", "0.38.6", "2.9.2", "the oldest; exits before the answer"),
    ("0.115.14", "0.46.2", "2.11.10", "exits before the answer"),
    ("0.119.1", "0.48.0", "2.12.5", "one stack of exits, behind the answer"),
    ("0.124.4", "0.50.0", "2.12.5", "scopes of dependencies; aliases"),
    ("0.128.8", "0.52.1", "2.12.5", "the last whose response models go through json.dumps()"),
    ("0.131.0", "0.52.1", "2.12.5", "response models straight to JSON"),
    ("0.136.3", "1.3.1", "2.13.4", "the last with flat routes"),
    ("0.137.1", "1.3.1", "2.12.5", "routers as a tree"),
    ("0.141.1", "1.3.1", "2.13.4", "handlers built for every request"),
    ("0.147.0", "1.9.0", "2.14.4", "the last that validates defaults; telemetry"),
    ("0.150.0", "1.9.0", "2.14.4", "the last for which null is absent"),
    ("0.162.7", "1.10.0", "2.14.4", "parameter models"),
    ("0.165.0", "1.6.0", "2.14.4", "limits of bodies and forms, beside the oldest Starlette it takes"),
]

#: Those that `make test` runs: of each way in which dependencies exit and routers are kept.
QUICK = ("0.115.14", "0.128.8", "0.141.1")

TESTS = [
    "tests/bridge/test_same_as_uvicorn.py",
    "tests/bridge/test_random_requests.py",
    "tests/bridge/test_dependencies_same_as_uvicorn.py",
    "tests/bridge/test_generator_dependencies.py",
    "tests/bridge/test_inside.py",
    "tests/bridge/test_own_layers.py",
    "tests/bridge/test_files.py",
    "tests/bridge/test_pieces.py",
    "tests/bridge/test_prototypes.py",
    "tests/bridge/test_security_schemes.py",
    "tests/bridge/test_starlette_values.py",
    "tests/bridge/test_sessions.py",
    "tests/bridge/test_unread_bodies.py",
    "tests/crud/test_compared_types.py",
    "tests/crud/test_media_types.py",
    "tests/crud/test_plain_values.py",
    "tests/crud/test_unseen_fields.py",
    "tests/routing",
    "tests/schema/test_releases.py",
]

#: Of the development requirements, what these tests import.
NEEDED = (
    "email-validator",
    "httptools",
    "httpx",
    "itsdangerous",
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
    "python-multipart",
    "uvicorn",
)


def environment(fastapi: str, starlette: str, pydantic: str) -> Path:
    """The interpreter of an era's environment, which is made where it is missing."""
    folder = TREE / "build" / "eras" / f"{sys.version_info[0]}.{sys.version_info[1]}-{fastapi}-{starlette}-{pydantic}"
    python = folder / "bin" / "python"
    group: list[str] = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]["dev"]
    needed = [wanted for wanted in group if wanted.partition(">")[0] in NEEDED]
    wanted = [f"fastapi=={fastapi}", f"starlette=={starlette}", f"pydantic=={pydantic}", *needed]
    stamp = folder / ".installed"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != "\n".join(wanted):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--only-binary", ":all:"]
        subprocess.run([*pip, *wanted], check=True)
        subprocess.run([python, TREE / "scripts" / "link_tree.py"], check=True)
        stamp.write_text("\n".join(wanted), encoding="utf-8")
    return python


def main() -> None:
    """Run the tests in each era; the exit status says whether all of them passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("releases", nargs="*", help="of FastAPI, of those that are known here; default: all")
    parser.add_argument("--quick", action="store_true", help=f"{', '.join(QUICK)} alone")
    parser.add_argument("--workers", default="2", help="processes that pytest uses (default 2)")
    options, pytest_args = parser.parse_known_args()
    chosen = options.releases or (QUICK if options.quick else [era[0] for era in ERAS])
    if unknown := set(chosen) - {era[0] for era in ERAS}:
        parser.error(f"not among the eras: {', '.join(sorted(unknown))}")
    failed = []
    for fastapi, starlette, pydantic, particular in ERAS:
        if fastapi not in chosen:
            continue
        print(f"=== FastAPI {fastapi}, Starlette {starlette}, Pydantic {pydantic}: {particular}", flush=True)
        python = environment(fastapi, starlette, pydantic)
        command = [python, "-m", "pytest", "-q", "-n", options.workers, "--dist", "loadscope", *pytest_args, *TESTS]
        began = time.monotonic()
        # An environment's cache of test results is nobody else's.
        done = subprocess.run([*command, "-p", "no:cacheprovider"], cwd=TREE, env=os.environ, check=False)
        print(f"    {time.monotonic() - began:.0f} s", flush=True)
        if done.returncode != 0:
            failed.append(fastapi)
    if failed:
        sys.exit(f"eras that failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
