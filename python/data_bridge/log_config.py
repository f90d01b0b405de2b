"""Logging as it is configured for uvicorn: its loggers, levels, default and files; and data_bridge's own logger."""

from __future__ import annotations

import configparser
import copy
import importlib
import importlib.util
import json
import logging
import logging.config
import os
from pathlib import Path
from typing import IO, Any

from .log_formatters import TRACE_LOG_LEVEL

#: uvicorn's names of levels.
LOG_LEVELS = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE_LOG_LEVEL,
}

#: As uvicorn.config.LOGGING_CONFIG, to be copied and changed, with the logger of data_bridge's resources and compiler.
LOGGING_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "default": {
            "()": "data_bridge.log_formatters.DefaultFormatter",
            "fmt": "%(levelprefix)s %(message)s",
            "use_colors": None,
        },
        "access": {
            "()": "data_bridge.log_formatters.AccessFormatter",
            "fmt": '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s',
        },
    },
    "handlers": {
        "default": {"formatter": "default", "class": "logging.StreamHandler", "stream": "ext://sys.stderr"},
        "access": {"formatter": "access", "class": "logging.StreamHandler", "stream": "ext://sys.stdout"},
    },
    "loggers": {
        "uvicorn": {"handlers": ["default"], "level": "INFO", "propagate": False},
        "uvicorn.error": {"level": "INFO"},
        "uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
        "data_bridge": {"handlers": ["default"], "level": "INFO", "propagate": False},
    },
}

#: What a program may give as its configuration.
LogConfig = dict[str, Any] | str | os.PathLike[str] | configparser.RawConfigParser | IO[Any] | None


def configure_logging(
    log_config: LogConfig,
    *,
    log_level: str | int | None = None,
    access_log: bool = True,
    use_colors: bool | None = None,
) -> None:
    """Configure logging as uvicorn.Config does.

    ``log_config``: a dict for logging.config.dictConfig(), a file of one (``.json``, ``.yaml``, ``.yml``), or a file
    for logging.config.fileConfig(). None: logging stays as it is.
    """
    logging.addLevelName(TRACE_LOG_LEVEL, "TRACE")
    if isinstance(log_config, os.PathLike):
        log_config = os.fspath(log_config)
    if isinstance(log_config, dict):
        if use_colors in (True, False):
            log_config["formatters"]["default"]["use_colors"] = use_colors
            log_config["formatters"]["access"]["use_colors"] = use_colors
        logging.config.dictConfig(_resolvable(log_config))
    elif isinstance(log_config, str) and log_config.endswith(".json"):
        logging.config.dictConfig(_resolvable(json.loads(Path(log_config).read_text())))
    elif isinstance(log_config, str) and log_config.endswith((".yaml", ".yml")):
        logging.config.dictConfig(_resolvable(_read_yaml(log_config)))
    elif log_config is not None:
        logging.config.fileConfig(_resolvable_file(log_config), disable_existing_loggers=False)
    if log_level is not None:
        level = LOG_LEVELS[log_level.lower()] if isinstance(log_level, str) else log_level
        for name in ("uvicorn.error", "uvicorn.access", "uvicorn.asgi", "data_bridge"):
            logging.getLogger(name).setLevel(level)
    if access_log is False:
        logging.getLogger("uvicorn.access").handlers = []
        logging.getLogger("uvicorn.access").propagate = False


def default_log_config() -> dict[str, Any]:
    """A copy of LOGGING_CONFIG, which configure_logging() changes."""
    return copy.deepcopy(LOGGING_CONFIG)


def _read_yaml(file: str) -> Any:
    try:
        yaml: Any = importlib.import_module("yaml")
    except ImportError:
        raise ImportError("Install the PyYAML package to use `--log-config` with YAML files.") from None
    return yaml.safe_load(Path(file).read_text())


# --- names of uvicorn's formatters, where it is not installed ---------------------------------------------------------

_THEIRS, _OURS = "uvicorn.logging.", "data_bridge.log_formatters."


def _has_uvicorn() -> bool:
    return importlib.util.find_spec("uvicorn") is not None


def _resolvable(config: Any) -> Any:
    if _has_uvicorn():
        return config
    if isinstance(config, dict):
        return {key: _resolvable(value) for key, value in config.items()}
    if isinstance(config, list):
        return [_resolvable(value) for value in config]
    return config.replace(_THEIRS, _OURS) if isinstance(config, str) and config.startswith(_THEIRS) else config


def _resolvable_file(file: Any) -> Any:
    if _has_uvicorn():
        return file
    parser = file
    if not isinstance(file, configparser.RawConfigParser):
        parser = configparser.ConfigParser()
        if hasattr(file, "readline"):
            parser.read_file(file)
        elif not parser.read(file):
            return file  # logging says what is wrong with it
    for section in parser.sections():
        for name, value in parser.items(section, raw=True):
            if value.startswith(_THEIRS):
                parser.set(section, name, value.replace(_THEIRS, _OURS))
    return parser
