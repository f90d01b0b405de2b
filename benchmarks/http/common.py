"""The routes that are measured on both sides: FastAPI's own kind, written once and added to either application."""

import sys
from pathlib import Path

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, Field

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "world"))

from tools import router as tools_router

ROUTES = 200


class Note(BaseModel):
    """What the durable create stores."""

    id: int | None = None
    title: str = Field(min_length=1, max_length=80)
    text: str = Field(max_length=1000)
    stars: int = Field(default=0, ge=0, le=5)
    tags: list[str] = []


def many_routes() -> APIRouter:
    """A router with 200 routes, as an API of some size has."""
    router = APIRouter()

    def add(number: int) -> None:
        @router.get(f"/resource{number}/{{item_id}}")
        async def read(item_id: int) -> dict[str, int]:
            return {"resource": number, "item": item_id}

    for number in range(ROUTES):
        add(number)
    return router


def add_routes(app: FastAPI) -> None:
    """Add everything but CRUD."""

    @app.get("/")
    async def hello() -> dict[str, str]:
        return {"message": "Hello, world"}

    app.include_router(tools_router)
    app.include_router(many_routes(), prefix="/api/v1")
