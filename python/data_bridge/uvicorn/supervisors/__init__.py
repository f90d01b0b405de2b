"""Processes that watch processes, as uvicorn.supervisors: workers of a spawned copy of the program."""

from .basereload import BaseReload, ChangeReload
from .multiprocess import Multiprocess

__all__ = ["BaseReload", "ChangeReload", "Multiprocess"]
