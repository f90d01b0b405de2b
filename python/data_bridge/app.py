"""``App``: a FastAPI application with a store and native resources."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from fastapi import FastAPI
from pydantic import BaseModel

from .crud import register_crud
from .stores import StoreLimits, Stores

Model = TypeVar("Model", bound=type[BaseModel])


class App(FastAPI):
    """A :class:`fastapi.FastAPI` that also knows resources.

    ``store``: the URL of the store of its resources, by default ``sqlite:///data_bridge.db``; the environment's
    ``DATA_BRIDGE_STORE`` wins. ``store_limits``: what a store takes before it says no. Everything else is FastAPI's.
    """

    def __init__(
        self, *, store: str | None = None, store_limits: StoreLimits | None = None, **fastapi_options: Any
    ) -> None:
        self.data_bridge_stores = Stores(store, store_limits)
        super().__init__(**fastapi_options)

    @overload
    def crud(self, model: Model, /) -> Model: ...

    @overload
    def crud(self, model: type[BaseModel], /, **options: Any) -> Any: ...

    def crud(self, model: type[BaseModel], /, **options: Any) -> Any:
        """Make a complete REST resource of a Pydantic model.

        ``@app.crud`` above the model, or ``app.crud(Model, path="/things")``. The options are those of
        :func:`data_bridge.crud.register_crud`.
        """
        register_crud(self, model, **options)
        return model
