"""``Router``: an ``APIRouter`` with resources, and ``crud`` as applications have it, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from .crud import Resource, open_and_close_with, register_crud, withdraw_crud

__all__ = ["HasResources", "Router"]

Model = TypeVar("Model", bound=type[BaseModel])
HooksClass = TypeVar("HooksClass", bound=type)


class HasResources:
    """What an application and a router have in common."""

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
        assert isinstance(self, FastAPI | APIRouter)
        if "model" in options:  # else it would be a decorator that nobody applies
            raise TypeError("crud(model=...): the model comes first and without a name, as in app.crud(Model, ...)")
        if model is None:

            def decorate(decorated: Model) -> Model:
                assert isinstance(self, FastAPI | APIRouter)
                register_crud(self, decorated, **options)
                return decorated

            return decorate
        resource = register_crud(self, model, **options)
        return HooksDecorator(self, resource, options) if options else model


class Router(HasResources, APIRouter):
    """A :class:`fastapi.APIRouter` that also knows resources; to be included in any FastAPI application.

    The resources are then in the stores of the application, those of its other routers and its own with them.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        open_and_close_with(self)


class HooksDecorator:
    """What ``crud(Model, ...)`` gives: above a class it makes the methods hooks of the resource."""

    def __init__(self, target: FastAPI | APIRouter, resource: Resource, options: dict[str, Any]) -> None:
        self._target = target
        self._resource = resource
        self._options = options

    def __call__(self, hooks: HooksClass) -> HooksClass:
        """Take the hooks in. Raises TypeError, ValueError."""
        withdraw_crud(self._target, self._resource)
        self._resource = register_crud(self._target, self._resource.model, **{**self._options, "hooks": hooks})
        return hooks
