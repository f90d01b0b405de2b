"""``App``: a FastAPI application with a store and native resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from fastapi import FastAPI
from pydantic import BaseModel

from .crud import Resource, register_crud, withdraw_crud
from .stores import StoreLimits, Stores

Model = TypeVar("Model", bound=type[BaseModel])
HooksClass = TypeVar("HooksClass", bound=type)


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
    def crud(self, model: type[BaseModel], /, **options: Any) -> HooksDecorator: ...

    @overload
    def crud(self, /, **options: Any) -> Callable[[Model], Model]: ...

    def crud(self, model: type[BaseModel] | None = None, /, **options: Any) -> Any:
        """Make a complete REST resource of a Pydantic model.

        ``@app.crud`` or ``@app.crud(path="/things")`` above the model, or ``app.crud(Model, path="/things")``. With a
        model and options it may also stand above another class, whose methods are then the hooks of the resource. The
        options are those of :func:`data_bridge.crud.register_crud`.
        """
        if model is None:

            def decorate(decorated: Model) -> Model:
                register_crud(self, decorated, **options)
                return decorated

            return decorate
        resource = register_crud(self, model, **options)
        return HooksDecorator(self, resource, options) if options else model


class HooksDecorator:
    """What ``app.crud(Model, ...)`` gives: above a class it makes the methods hooks of the resource."""

    def __init__(self, app: FastAPI, resource: Resource, options: dict[str, Any]) -> None:
        self._app = app
        self._resource = resource
        self._options = options

    def __call__(self, hooks: HooksClass) -> HooksClass:
        """Take the hooks in. Raises TypeError, ValueError."""
        withdraw_crud(self._app, self._resource)
        self._resource = register_crud(self._app, self._resource.model, **{**self._options, "hooks": hooks})
        return hooks
