"""Swagger UI and ReDoc from files that pip installed, where FastAPI's own pages load them from a network."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html, get_swagger_ui_oauth2_redirect_html
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

__all__ = ["serve_docs_offline"]


def _assets() -> Path:
    """Where the package fastapi-offline keeps its files; found without importing it, only the files are wanted."""
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise RuntimeError("documentation without a network needs the extra `docs`: pip install 'data-bridge[docs]'")
    return Path(spec.origin).parent / "static"


def serve_docs_offline(
    app: FastAPI,
    *,
    docs_url: str = "/docs",
    redoc_url: str | None = "/redoc",
    assets_url: str = "/docs-assets",
) -> None:
    """Add FastAPI's documentation pages to `app`, complete without a network.

    `app` must have been made with `docs_url=None` and `redoc_url=None`, else its own pages come first, and with an
    `openapi_url`. Raises RuntimeError where the extra `docs` is not installed.
    """
    if app.openapi_url is None:
        raise ValueError("an application without openapi_url has no documentation to serve")
    openapi_url = app.openapi_url
    app.mount(assets_url, StaticFiles(directory=_assets()), name="docs-assets")

    def root(request: Request) -> str:
        root_path: str = request.scope.get("root_path", "")
        return root_path.rstrip("/")

    oauth2_redirect_url = f"{docs_url}/oauth2-redirect"

    async def swagger_ui(request: Request) -> HTMLResponse:
        base = root(request)
        return get_swagger_ui_html(
            openapi_url=base + openapi_url,
            title=f"{app.title} - Swagger UI",
            swagger_js_url=f"{base}{assets_url}/swagger-ui-bundle.js",
            swagger_css_url=f"{base}{assets_url}/swagger-ui.css",
            swagger_favicon_url=f"{base}{assets_url}/favicon.png",
            oauth2_redirect_url=base + oauth2_redirect_url,
            init_oauth=app.swagger_ui_init_oauth,
            swagger_ui_parameters=app.swagger_ui_parameters,
        )

    async def oauth2_redirect(request: Request) -> HTMLResponse:
        return get_swagger_ui_oauth2_redirect_html()

    app.add_route(docs_url, swagger_ui, include_in_schema=False)
    app.add_route(oauth2_redirect_url, oauth2_redirect, include_in_schema=False)

    if redoc_url is not None:

        async def redoc(request: Request) -> HTMLResponse:
            base = root(request)
            return get_redoc_html(
                openapi_url=base + openapi_url,
                title=f"{app.title} - ReDoc",
                redoc_js_url=f"{base}{assets_url}/redoc.standalone.js",
                redoc_favicon_url=f"{base}{assets_url}/favicon.png",
                with_google_fonts=False,
            )

        app.add_route(redoc_url, redoc, include_in_schema=False)
