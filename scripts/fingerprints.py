"""Makes compile/known.json of the package: what compiled routes go around, in each release they were checked with.

Fetches the wheels of FastAPI and Starlette with pip, and compiles their modules, without importing them, under every
interpreter that is named: byte code is another one in each minor.

    scripts/fingerprints.py python3.11 python3.12 python3.13
"""

from __future__ import annotations

import functools
import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from types import CodeType
from typing import Any

TREE = Path(__file__).resolve().parent.parent
WHEELS = TREE / "build" / "releases"
TABLE = TREE / "python" / "data_bridge" / "compile" / "known.json"

#: The first and the last of each minor, and the others that many have installed.
FASTAPI = """
0.115.0 0.115.2 0.115.4 0.115.6 0.115.8 0.115.12 0.115.14 0.116.0 0.116.1 0.116.2 0.117.0 0.117.1 0.118.0 0.118.3
0.119.0 0.119.1 0.120.0 0.120.4 0.121.0 0.121.3 0.122.0 0.122.1 0.123.0 0.123.5 0.123.10 0.124.0 0.124.4 0.125.0 0.126.0
0.127.0 0.127.1 0.128.0 0.128.2 0.128.5 0.128.8 0.129.0 0.129.2 0.130.0 0.131.0 0.132.0 0.132.1 0.133.0 0.133.1 0.134.0
0.135.0 0.135.2 0.135.4 0.136.0 0.136.1 0.136.3 0.137.0 0.137.1 0.137.2 0.138.0 0.138.2 0.139.0 0.139.2 0.140.0 0.140.13
0.141.0 0.141.1 0.142.0 0.142.4 0.143.0 0.143.5 0.144.0 0.145.0 0.146.0 0.147.0 0.148.0 0.149.0 0.150.0 0.151.0 0.152.0
0.153.0 0.154.0 0.155.0 0.156.0 0.156.3 0.156.8 0.157.0 0.158.0 0.158.2 0.159.0 0.159.1 0.160.0 0.161.0 0.161.1 0.162.0
0.162.6 0.162.7 0.163.0 0.163.2 0.164.0 0.165.0
""".split()  # noqa: SIM905

STARLETTE = """
0.37.2 0.38.0 0.38.6 0.39.0 0.39.2 0.40.0 0.41.0 0.41.3 0.42.0 0.43.0 0.44.0 0.45.0 0.45.3 0.46.0 0.46.2 0.47.0 0.47.3
0.48.0 0.49.0 0.49.3 0.50.0 0.51.0 0.52.0 0.52.1 1.0.0 1.0.1 1.1.0 1.2.0 1.2.1 1.3.0 1.3.1 1.4.0 1.4.1 1.5.0 1.5.1 1.6.0
1.7.0 1.8.0 1.9.0 1.10.0
""".split()  # noqa: SIM905


@functools.cache
def comparison() -> Any:
    """The package's module, without the package, which needs FastAPI."""
    path = TREE / "python" / "data_bridge" / "compile" / "fingerprint.py"
    spec = importlib.util.spec_from_file_location("fingerprint", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fetch(name: str, release: str, folder: Path) -> Path:
    """The wheel of a release."""
    target = folder / f"{name}-{release}"
    if not list(target.glob("*.whl")):
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
        pip += ["--only-binary", ":all:", "--python-version", "3.13", "--dest", str(target), f"{name}=={release}"]
        subprocess.run(pip, check=True)
    return next(target.glob("*.whl"))


def code_in(wheel: Path) -> dict[str, CodeType]:
    """The modules in it that are compared, compiled."""
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for module in comparison().module_names():
            for path in (module.replace(".", "/") + ".py", module.replace(".", "/") + "/__init__.py"):
                if path in names:
                    source = archive.read(path)
                    found[module] = compile(source, path, "exec", dont_inherit=True, optimize=0)
    return found


def digests(wheels: list[Path], sets: tuple[str, ...]) -> dict[str, list[str]]:
    """By set: the digests of all releases, each once."""
    fingerprint = comparison()
    seen: dict[str, set[str]] = {name: set() for name in sets}
    for wheel in wheels:
        code = code_in(wheel)
        found = fingerprint.fingerprints(lambda module, name, code=code: in_module(code.get(module), name))
        for name in sets:
            seen[name].add(found[name])
    return {name: sorted(values) for name, values in seen.items()}


def in_module(code: CodeType | None, name: str) -> CodeType | None:
    """A function of a module that may not be there."""
    found: CodeType | None = None if code is None else comparison().nested(code, name)
    return found


def make_part(folder: Path) -> dict[str, Any]:
    """What this interpreter's byte code gives."""
    fastapi = [fetch("fastapi", release, folder) for release in FASTAPI]
    starlette = [fetch("starlette", release, folder) for release in STARLETTE]
    return {**digests(fastapi, ("core", "parameters")), **digests(starlette, ("starlette",))}


def main() -> None:
    """With interpreters: the whole table. With ``--part FOLDER``: print this one's part."""
    if sys.argv[1:2] == ["--part"]:
        print(json.dumps(make_part(Path(sys.argv[2]))))
        return
    table: dict[str, Any] = {"fastapi": FASTAPI[-1], "starlette": STARLETTE[-1], "pythons": {}}
    make_part(WHEELS)
    for interpreter in sys.argv[1:]:
        made = subprocess.run([interpreter, __file__, "--part", WHEELS], check=True, capture_output=True, text=True)
        version = "import sys; print('%d.%d' % sys.version_info[:2])"
        minor = subprocess.run([interpreter, "-c", version], check=True, capture_output=True, text=True)
        table["pythons"][minor.stdout.strip()] = json.loads(made.stdout)
    TABLE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
