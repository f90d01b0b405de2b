"""Fetches the sources of the suites, and makes the environment they run in; each once."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from table import Suite

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"


class Unavailable(Exception):
    """A suite that cannot be had here, with the reason."""


def pinned(name: str) -> str:
    """The version of a package in requirements.txt."""
    found = re.search(
        rf"^{re.escape(name)}(\[.*\])?==([^;\s]+)", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert found is not None, name
    return found[2]


def version_of(suite: Suite) -> str:
    return suite.debian[2] if suite.debian else pinned(suite.name)


def environment(work: Path) -> Path:
    """The interpreter of the suites' virtual environment."""
    folder = work / f"venv-{sys.version_info.major}.{sys.version_info.minor}"
    interpreter, stamp = folder / "bin" / "python", folder / ".installed"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"installing what the suites need into {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        quiet = ["--disable-pip-version-check", "--quiet"]
        subprocess.run([interpreter, "-m", "pip", "install", *quiet, "-r", REQUIREMENTS], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return interpreter


def source(suite: Suite, work: Path, interpreter: Path) -> Path:
    """The root of a suite's unpacked source."""
    root = work / "source" / f"{suite.name}-{version_of(suite)}"
    if not root.is_dir():
        archive = fetch_from_debian(suite, work) if suite.debian else fetch_from_pypi(suite, work, interpreter)
        part = root.with_name(root.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        with tarfile.open(archive) as opened:
            if hasattr(tarfile, "data_filter"):  # CPython 3.11.4 and newer
                opened.extraction_filter = tarfile.data_filter
            opened.extractall(part)
        (inner,) = part.iterdir()
        for name in suite.remove:
            shutil.rmtree(inner / name)
        inner.rename(root)
        part.rmdir()
    return root


def fetch_from_pypi(suite: Suite, work: Path, interpreter: Path) -> Path:
    folder = work / "archives"
    print(f"fetching {suite.name} {version_of(suite)} from PyPI", flush=True)
    wanted = f"{suite.name}=={version_of(suite)}"
    options = ["--disable-pip-version-check", "--quiet", "--no-deps", f"--no-binary={suite.name}", f"--dest={folder}"]
    subprocess.run([interpreter, "-m", "pip", "download", *options, wanted], check=True)
    return next(folder.glob(f"{suite.name}-{version_of(suite)}.tar.*"))


def fetch_from_debian(suite: Suite, work: Path) -> Path:
    """The upstream archive that Debian keeps; apt gets lists of its own, the system's stay as they are."""
    assert suite.debian is not None
    release, package, version = suite.debian
    keys = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    if shutil.which("apt-get") is None or not keys.is_file():
        raise Unavailable("its tests come from Debian's source package, and this is no Debian")
    folder = (work / "debian").resolve()
    for part in ("lists/partial", "cache/archives/partial", "source"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb-src [signed-by={keys}] http://deb.debian.org/debian {release} main\n", encoding="utf-8")
    settings = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
    print(f"fetching {package} {version} from Debian {release}", flush=True)
    where = folder / "source"
    archive = where / f"{package}_{version}.orig.tar.gz"
    for command in (["update"], ["source", "--download-only", package]):
        done = subprocess.run([*apt, *command], cwd=where, capture_output=True, text=True, check=False)
    if not archive.is_file():
        raise Unavailable(f"apt-get source {package} did not fetch version {version}: {done.stderr.strip()}")
    return archive
