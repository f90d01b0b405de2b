"""Which files a reloading server watches, by uvicorn's rules, and the watch itself (the package watchfiles)."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
