"""Routes of the JSON API, the same for people's browsers and for scripts."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request, Response, Security
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool

from prefloop.desk.people import Person
from prefloop.desk.task import Outcome, Wait
from prefloop.page.api import Api
from prefloop.page.auth import Door
from prefloop.page.bodies import (
    AdjudicationBody,
    ConflictsOut,
    DecidedOut,
    ErrorOut,
    GuidelinesOut,
    LoginBody,
    OutcomeOut,
    TaskOut,
    UndoBody,
    VerdictBody,
)

# Seconds after which asking again may bring something, by why there was nothing.
_RETRY_S = {"empty": 5, "others": 5, "budget": 60, "done": 60}
_YEAR_S = 31_536_000
_REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": ErrorOut} for code in (400, 401, 403, 408, 413, 421, 422, 429, 431, 503)
}


# For the description of the API alone: `Door` reads the token.
_BEARER = HTTPBearer(auto_error=False, description="Of `prefloop labels annotator add`; the page has a cookie.")
_Token = Annotated[object, Security(_BEARER)]


async def door_of(request: Request) -> Door:
    """Who tells who asks."""
    door: Door = request.app.state.door
    return door


async def api_of(request: Request) -> Api:
    """What answers."""
    api: Api = request.app.state.api
    return api


async def somebody(request: Request, token: _Token) -> Person:
    """Who asks; refused without a valid token."""
    door: Door = request.app.state.door
    return door.person(request)


async def admin(request: Request, token: _Token) -> Person:
    """Who asks, an admin; refused else."""
    door: Door = request.app.state.door
    return door.admin(request)


Somebody = Annotated[Person, Depends(somebody)]
Admin = Annotated[Person, Depends(admin)]
TheApi = Annotated[Api, Depends(api_of)]
TheDoor = Annotated[Door, Depends(door_of)]

router = APIRouter(prefix="/api", responses=_REFUSALS)


@router.get("/next", response_model=TaskOut, responses={204: {"description": "Nothing to answer now"}})
async def next_(api: TheApi, person: Somebody) -> Any:
    """The comparison to answer now; the same one until it is answered or its lease has expired."""
    given = await run_in_threadpool(api.next, person)
    if isinstance(given, Wait):
        headers = {"X-Prefloop-Wait": given.reason, "Retry-After": str(_RETRY_S[given.reason])}
        return Response(status_code=204, headers=headers)
    return given


@router.post(
    "/verdicts",
    status_code=201,
    response_model=OutcomeOut,
    responses={
        200: {"model": OutcomeOut, "description": "This lease's answer is known already"},
        **{code: {"model": ErrorOut} for code in (404, 409, 410)},
    },
)
async def verdicts(api: TheApi, person: Somebody, body: VerdictBody, response: Response) -> Any:
    """Answer the comparison of a lease. Sent twice, it counts once, and the first answer comes back."""
    outcome = await asyncio.wrap_future(api.desk.answer(person.name, body.given))
    response.status_code = 200 if outcome.known else 201
    return _outcome(outcome)


@router.post("/undo", response_model=TaskOut, responses={code: {"model": ErrorOut} for code in (404, 409, 410)})
async def undo(api: TheApi, person: Somebody, body: Annotated[UndoBody | None, Body()] = None) -> Any:
    """Take the last verdict back, and get its comparison again."""
    task = await asyncio.wrap_future(api.desk.undo(person.name, body.lease if body else None))
    return await run_in_threadpool(api.shown_again, task)


@router.get("/status")
async def status(api: TheApi, person: Somebody) -> dict[str, Any]:
    """Own and campaign progress; with an admin's token the whole campaign."""
    return await run_in_threadpool(api.status, person)


@router.get("/guidelines", response_model=GuidelinesOut)
async def guidelines(api: TheApi, person: Somebody) -> Any:
    """The instructions in force."""
    return await run_in_threadpool(api.guidelines)


@router.get("/admin/conflicts", response_model=ConflictsOut)
async def conflicts(api: TheApi, person: Admin) -> Any:
    """Pairs on which annotators disagree."""
    return await run_in_threadpool(api.conflicts)


@router.post("/admin/adjudicate", status_code=201, response_model=DecidedOut)
async def adjudicate(api: TheApi, person: Admin, body: AdjudicationBody, response: Response) -> Any:
    """Decide a pair, whatever its votes."""
    decided = await asyncio.wrap_future(api.desk.adjudicate(person.name, body.pair_id, body.verdict))
    response.status_code = 200 if decided.known else 201
    return DecidedOut(pair_id=decided.pair_id, verdict=decided.verdict, timestamp=decided.timestamp)


@router.post("/login", status_code=204, response_class=Response)
async def login(door: TheDoor, request: Request, body: LoginBody, response: Response) -> None:
    """Give the page's cookie for a token; only to a page of this server."""
    door.login(request, body.token)
    response.set_cookie(
        door.cookie,
        body.token,
        max_age=_YEAR_S,
        httponly=True,
        samesite="strict",
        # A proxy that speaks TLS asks in plain HTTP; the origin is what the browser sees, and was checked.
        secure=request.headers.get("origin", "").startswith("https:"),
    )


@router.post("/logout", status_code=204, response_class=Response)
async def logout(door: TheDoor, person: Somebody, response: Response) -> None:
    """Take the page's cookie away."""
    response.delete_cookie(door.cookie, httponly=True, samesite="strict")


def _outcome(outcome: Outcome) -> OutcomeOut:
    return OutcomeOut(
        lease=outcome.lease, pair_id=outcome.pair_id, verdict=outcome.verdict, timestamp=outcome.timestamp
    )
