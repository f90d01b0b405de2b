"""``App``: a FastAPI application with a store and native resources."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from .python_resource import ModelResource, ModelT, resource_of
from .router import HasResources
from .schema_names import name_schemas
from .stores import StoreLimits, Stores


class App(HasResources, FastAPI):
    """A :class:`fastapi.FastAPI` that also knows resources.

    ``store``: the URL of the store of its resources, by default ``sqlite:///data_bridge.db``; the environment's
    ``DATA_BRIDGE_STORE`` wins. ``store_limits``: what a store takes before it says no. Everything else is FastAPI's.
    """

    def __init__(
        self, *, store: str | None = None, store_limits: StoreLimits | None = None, **fastapi_options: Any
    ) -> None:
        self.data_bridge_stores = Stores(store, store_limits)
        super().__init__(**fastapi_options)

    def openapi(self) -> dict[str, Any]:
        """FastAPI's, in which the schemas of resources have names of their own (`data_bridge.schema_names`)."""
        if not self.openapi_schema:
            name_schemas(super().openapi(), self.data_bridge_stores.documented)
        assert self.openapi_schema is not None
        return self.openapi_schema

    def resource(self, model: type[ModelT], path: str | None = None) -> ModelResource[ModelT]:
        """The resource of `model`, its own or a router's, for Python code; see ModelResource.

        `path`: which one, as it was declared, where resources of the model have other tables or stores. Raises
        LookupError where there is none, or more than one.
        """
        return resource_of(self, model, path)
