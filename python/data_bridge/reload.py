"""Which files a reloading server watches, by uvicorn's rules, and the watch itself (the package watchfiles)."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .options import ServerOptions
from .supervisor import CommandProcess, WorkerProcess, listening

logger = logging.getLogger("uvicorn.error")


class WatcherMissing(ImportError):
    """The package that watches files is not installed."""


@dataclass(slots=True)
class ReloadPaths:
    """Directories, and patterns of the files in them that count."""

    directories: list[Path] = field(default_factory=list)
    excluded_directories: list[Path] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)
    excludes: list[str] = field(default_factory=list)

    @staticmethod
    def find(
        directories: list[str] | str | None, includes: list[str] | str | None, excludes: list[str] | str | None
    ) -> ReloadPaths:
        """What the options mean here and now: the current directory where no other is named."""
        given = _listed(directories)
        include_patterns, watched = _resolve(_listed(includes), given)
        exclude_patterns, excluded = _resolve(_listed(excludes), [])
        watched = [path for path in watched if not any(path == out or out in path.parents for out in excluded)]
        include_patterns = [pattern for pattern in include_patterns if pattern not in exclude_patterns]
        if not watched:
            if given:
                logger.warning(
                    "Provided reload directories %s did not contain valid directories, "
                    "watching current working directory.",
                    given,
                )
            watched = [Path.cwd()]
        return ReloadPaths(watched, excluded, include_patterns, exclude_patterns)


def _listed(names: list[str] | str | None) -> list[str]:
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(dict.fromkeys(names))


def _is_directory(path: Path) -> bool:
    try:
        return path.resolve().is_dir()
    except OSError:
        return False


def _resolve(patterns: list[str], directories: list[str]) -> tuple[list[str], list[Path]]:
    """The patterns, and the outermost of the directories that are named or matched."""
    found = {Path(name) for name in directories}
    for pattern in patterns:
        if pattern == ".*":  # for hidden files; as a pattern of directories it is hardly meant
            continue
        if _is_directory(Path(pattern)):
            found.add(Path(pattern))
        else:
            found.update(match for match in Path.cwd().glob(pattern) if _is_directory(match))
    resolved = {path.resolve() for path in found if _is_directory(path)}
    outermost = [path for path in resolved if not resolved.intersection(path.parents)]
    return list(dict.fromkeys(patterns)), sorted(outermost)


class FileFilter:
    """True for a changed file that is a reason to reload."""

    def __init__(self, paths: ReloadPaths) -> None:
        self._includes = [name for name in ["*.py"] if name not in paths.excludes] + paths.includes
        self._excludes = [name for name in [".*", ".py[cod]", ".sw.*", "~*"] if name not in paths.includes]
        self._excludes += [name for name in paths.excludes if not _is_directory(Path(name))]
        self._excluded_directories = [Path(name) for name in paths.excludes if _is_directory(Path(name))]
        self._excluded_directories += [path.resolve() for path in self._excluded_directories]

    def __call__(self, path: Path) -> bool:
        """The first pattern that includes it decides, and those that exclude."""
        for pattern in self._includes:
            if path.match(pattern):
                if str(path).endswith(pattern):
                    return True
                if any(directory in path.parents for directory in self._excluded_directories):
                    return False
                return not any(path.match(exclude) for exclude in self._excludes)
        return False


def watch_changes(paths: ReloadPaths, stop: threading.Event, delay: float) -> Iterator[list[Path]]:
    """Wait for changes that are a reason to reload, until ``stop``; those of ``delay`` seconds come together."""
    try:
        watchfiles: Any = importlib.import_module("watchfiles")
    except ImportError:
        raise WatcherMissing(
            "reloading needs the package watchfiles: pip install 'data-bridge[reload]' (or watchfiles)"
        ) from None
    return _changes(watchfiles, paths, stop, delay)


def _changes(watchfiles: Any, paths: ReloadPaths, stop: threading.Event, delay: float) -> Iterator[list[Path]]:
    wanted = FileFilter(paths)
    changes = watchfiles.watch(
        *paths.directories,
        watch_filter=None,
        stop_event=stop,
        step=max(50, int(delay * 1000)),
        ignore_permission_denied=True,
        raise_interrupt=False,
    )
    for changed in changes:
        found = sorted(path for path in {Path(name) for _, name in changed} if wanted(path))
        if found:
            yield found


def reload_processes(start: Callable[[], WorkerProcess], paths: ReloadPaths, delay: float) -> None:
    """Keep one process that ``start`` makes, a new one whenever files change, until SIGINT or SIGTERM."""
    stop = threading.Event()
    changes = watch_changes(paths, stop, delay)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    logger.info("Started reloader process [%d] using WatchFiles", os.getpid())
    process = start()
    try:
        for changed in changes:
            logger.warning("WatchFiles detected changes in %s. Reloading...", ", ".join(map(shown, changed)))
            _end(process)
            process = start()
    finally:
        _end(process)
    logger.info("Stopping reloader process [%d]", os.getpid())


def reload_command(command: list[str], options: ServerOptions, paths: ReloadPaths, delay: float) -> int:
    """The same with a command on the address of ``options``; the exit status.

    Raises OSError where the address cannot be listened on.
    """
    with listening(options) as listeners:
        reload_processes(lambda: CommandProcess(command, listeners), paths, delay)
    return 0


def _end(process: WorkerProcess) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.wait()
    process.line.close()


def shown(path: Path) -> str:
    """A file as people look for it: from the current directory on."""
    try:
        return f"'{path.relative_to(Path.cwd())}'"
    except ValueError:
        return f"'{path}'"
