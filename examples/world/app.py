"""Countries and subdivisions as native CRUD resources, beside ordinary FastAPI routes.

Run it with `make demo`, or `data-bridge run app:app` in this directory.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from data_bridge import App
from data_bridge.docs import serve_docs_offline
from dataset import load_once
from models import Country, Subdivision
from tools import router


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the data at the first start."""
    await load_once(app)
    yield


app = App(
    title="World",
    summary="ISO 3166 countries and their subdivisions",
    version="1.0.0",
    store="sqlite:///world.db",
    lifespan=lifespan,
    docs_url=None,
    redoc_url=None,
)
serve_docs_offline(app)

app.crud(Country, key="alpha_2")
app.crud(Subdivision, key="code", page_size=20, max_page_size=100)
app.include_router(router)


@app.get("/")
async def hello() -> dict[str, str]:
    """The shortest handler there is."""
    return {"message": "Hello, world"}
