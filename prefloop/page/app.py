"""Application of the labelling page: views, JSON API, what it answers in case of trouble, and its guard."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from prefloop.config import Params
from prefloop.desk import Desk
from prefloop.desk.people import People
from prefloop.desk.task import Refused
from prefloop.errors import PrefloopError
from prefloop.page.api import Api, Render
from prefloop.page.auth import Door
from prefloop.page.guard import Guard
from prefloop.page.render import markdown
from prefloop.page.routes import router
from prefloop.page.texts import Texts
from prefloop.page.views import add_views

log = logging.getLogger("prefloop")


def create_app(
    desk: Desk,
    people: People,
    texts: Texts,
    params: Params,
    *,
    render: Render = markdown,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
    campaign_status: Callable[[], Mapping[str, Any]] | None = None,
) -> FastAPI:
    """The application of one campaign.

    What the page's views need stands in `app.state`: desk, people, door (who asks), texts, params, api.

    Args:
        desk: gives out comparisons and takes verdicts.
        people: who may answer.
        texts: texts of the pairs.
        params: parameters in force (sections `page` and `campaign`).
        render: safe HTML of a message's content, and of the guidelines.
        hosts: names that requests may call the server by; empty: any.
        origins: further origins of the page, as a reverse proxy has them.
        campaign_status: all that an admin sees of the campaign; None: its progress alone.
    """
    # The pages that FastAPI has for its documentation load scripts of another host.
    app = FastAPI(title="prefloop", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.state.desk, app.state.people, app.state.texts, app.state.params = desk, people, texts, params
    app.state.door = Door(people, tuple(origins))
    app.state.api = Api(desk, texts, params, render, campaign_status)
    app.include_router(router)
    add_views(app)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(PrefloopError, _failed)
    app.add_exception_handler(OSError, _failed)
    app.add_middleware(Guard, hosts=hosts)
    return app


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    """Name the fields that are wrong; what came is not sent back."""
    assert isinstance(error, RequestValidationError)
    problems = [
        {"field": ".".join(map(str, one["loc"][1:]))[:200], "message": str(one["msg"])[:200]}
        for one in error.errors()[:20]
    ]
    return JSONResponse({"error": "this body is not as expected", "problems": problems}, 422)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return JSONResponse({"error": str(error), "code": error.code}, error.status)


async def _failed(request: Request, error: Exception) -> Response:
    """What this machine cannot do stands in the server's log; a client is told to try again."""
    log.error("%s %s: %s", request.method, request.url.path, error, exc_info=not isinstance(error, PrefloopError))
    return JSONResponse(
        {"error": "the server cannot do this now; send it again: nothing is recorded twice"},
        503,
        {"Retry-After": "5"},
    )
