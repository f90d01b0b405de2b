"""data_bridge in uvicorn's place, for programs that know nothing of it.

uvicorn's own modules stay where it is installed: life cycle, configuration, signals, supervisors and log are uvicorn's,
and what listens and answers below ``uvicorn.Server`` is data_bridge. Where it is not installed, ``uvicorn`` is
:mod:`data_bridge.uvicorn`. With ``DATA_BRIDGE_UVICORN=1`` in the environment each Python with data_bridge does so from
its start.
"""

from __future__ import annotations

import asyncio
import dis
import functools
import importlib
import importlib.abc
import importlib.machinery
import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

#: Says to every process that it shall do so.
VARIABLE = "DATA_BRIDGE_UVICORN"

logger = logging.getLogger("uvicorn.error")


def install() -> None:
    """Replace uvicorn in this process, be it imported already or not. Once; asyncio makes PyLoops from then on."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _Finder())
    for name, patch in _PATCHES.items():
        if name in sys.modules:
            patch(sys.modules[name])
    from .policy import EventLoopPolicy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio.set_event_loop_policy(EventLoopPolicy())


def install_if_wanted() -> None:
    """install() where the environment says so. At the start of the interpreter."""
    if os.environ.get(VARIABLE) == "1":
        install()


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "uvicorn" and not name.startswith("uvicorn."):
            return None
        own = sys.modules.get("uvicorn")
        if name == "uvicorn" or (own is not None and own.__name__ == "data_bridge.uvicorn"):
            if name == "uvicorn" and importlib.machinery.PathFinder.find_spec(name, path) is not None:
                return None
            return importlib.machinery.ModuleSpec(name, _StandIn())
        if name not in _PATCHES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Patching(spec.loader, _PATCHES[name])
        return spec


class _StandIn(importlib.abc.Loader):
    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        sys.modules[name] = importlib.import_module(f"data_bridge.{name}")


class _Patching(importlib.abc.Loader):
    def __init__(self, loader: Any, patch: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._patch = patch

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._patch(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


# --- uvicorn.config -------------------------------------------------------------------------------------


def _patch_config(module: ModuleType) -> None:
    config: Any = module.Config
    theirs = getattr(config, "get_loop_factory", None)

    def get_loop_factory(self: Any) -> Any:
        from .loop import new_event_loop

        own = self.loop in ("auto", "asyncio", "uvloop", "zuvloop")
        return new_event_loop if own or theirs is None else theirs(self)

    def setup_event_loop(self: Any) -> None:
        """PyLoops are made already."""

    if theirs is None:  # before 0.36
        config.setup_event_loop = setup_event_loop
    else:
        config.get_loop_factory = functools.wraps(theirs)(get_loop_factory)


def _reason_not_to(config: Any) -> str:
    """Why uvicorn's own protocols serve; "" where data_bridge does."""
    if config.is_ssl:
        return "TLS"
    if getattr(config, "http2", False):
        return "HTTP/2"
    if not isinstance(config.http, str) or not (config.ws is None or isinstance(config.ws, str)):
        return "protocol classes of the program's own"
    return ""


# --- uvicorn.server ---------------------------------------------------------------------------------------


def _patch_server(module: ModuleType) -> None:
    server: Any = module.Server
    their_startup, their_shutdown = server.startup, server.shutdown
    # uvicorn leaves by SystemExit where the start-up has failed; before it did so, by should_exit.
    leaves_by_flag = any(
        step.opname == "STORE_ATTR" and step.argval == "should_exit" for step in dis.get_instructions(their_startup)
    )

    @functools.wraps(their_startup)
    async def startup(self: Any, sockets: Any = None) -> None:
        from .uvicorn.standing import Standing

        config = self.config
        if reason := _reason_not_to(config):
            logger.warning("%s: served by uvicorn itself, not by data_bridge.", reason)
            await their_startup(self, sockets=sockets)
            return
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            if not leaves_by_flag:
                sys.exit(3)
            self.should_exit = True
            return
        standing = Standing(self, _without_proxy_headers(config))
        try:
            listeners = await standing.start(sockets)
        except OSError as error:
            logger.error(error)
            await self.lifespan.shutdown()
            sys.exit(1 if leaves_by_flag else 3)
        self._data_bridge = standing
        if sockets is None:
            self._log_started_message(listeners)
        self.started = True

    @functools.wraps(their_shutdown)
    async def shutdown(self: Any, sockets: Any = None) -> None:
        standing = getattr(self, "_data_bridge", None)
        if standing is None:
            await their_shutdown(self, sockets=sockets)
            return
        logger.info("Shutting down")
        for listener in sockets or []:
            listener.close()
        await standing.stop()
        if not self.force_exit:
            await self.lifespan.shutdown()

    server.startup, server.shutdown = startup, shutdown


def _without_proxy_headers(config: Any) -> Any:
    """The application inside the middleware that the front is as well."""
    app = config.loaded_app
    middleware = sys.modules.get("uvicorn.middleware.proxy_headers")
    if config.proxy_headers and middleware is not None and type(app) is middleware.ProxyHeadersMiddleware:
        app = app.app
    return app


_PATCHES: dict[str, Callable[[ModuleType], None]] = {
    "uvicorn.config": _patch_config,
    "uvicorn.server": _patch_server,
}
