"""Whether routes may be compiled beside the FastAPI and Starlette that are installed.

What compiled routes go around is compared with what it was in the releases that they were checked with
(:mod:`.fingerprint`). Where only the reading of parameters is another, or a release that is known differs, the
compiler is tried out (:mod:`.probe`): its handlers must answer as FastAPI's own. A release that changed anything else
is bridged, and the log says so, until data_bridge knows it.
"""

from __future__ import annotations

import functools
import json
import logging
import sys
from importlib.resources import files
from typing import Any

import fastapi
import starlette

from . import fingerprint

logger = logging.getLogger("data_bridge")

_WHAT = {
    "core": "how requests are handled",
    "parameters": "how parameters are read",
    "starlette": "how requests are routed and answered",
}


@functools.cache
def verdict() -> str:
    """Why nothing may be compiled in this process; empty: it may. Logged once."""
    reason, said = _judge()
    if said:
        logger.warning("%s", said)
    return reason


def known_releases() -> dict[str, Any]:
    """The table: the last releases, and by Python minor and set the digests of all."""
    table: dict[str, Any] = json.loads(files(__package__).joinpath("known.json").read_text(encoding="utf-8"))
    return table


def _judge() -> tuple[str, str]:
    """The reason, and what to say about it."""
    table = known_releases()
    newer = [
        f"{name} {release}"
        for name, release, last in (
            ("FastAPI", fastapi.__version__, table["fastapi"]),
            ("Starlette", starlette.__version__, table["starlette"]),
        )
        if _parts(release) > _parts(last)
    ]
    release = f"FastAPI {fastapi.__version__} with Starlette {starlette.__version__}"
    try:
        known = table["pythons"]["{}.{}".format(*sys.version_info)]
        found = fingerprint.fingerprints(fingerprint.installed)
    except LookupError:  # byte code that there is no table for: the number has to do
        if not newer:
            return "", ""
        reason = f"{' and '.join(newer)} is newer than this data_bridge"
        return reason, f"{reason}; routes run through ASGI until it is updated."
    changed = [name for name, digest in found.items() if digest not in known[name]]
    if not changed:
        return "", ""
    what = " and ".join(_WHAT[name] for name in changed)
    if newer and changed != ["parameters"]:
        reason = f"{' and '.join(newer)} changed {what}"
        return reason, f"{reason}; routes run through ASGI until data_bridge is updated."
    from .probe import differences  # what the compiler is made of is needed here alone

    answers, different = differences()
    if different:
        reason = f"{release} answers otherwise than compiled routes: {different}"
        return reason, f"{reason}; routes run through ASGI."
    return "", f"{release} is not what this data_bridge was made for in {what}; {answers} answers are as expected."


def _parts(release: str) -> list[int]:
    return [int(part) for part in release.split(".")[:3] if part.isdigit()]
