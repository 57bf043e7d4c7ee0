"""Views: the pages that people open, their files, and what a browser may be told about them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.staticfiles import StaticFiles

from prefloop.config.page import Page
from prefloop.desk.people import Person
from prefloop.page.admin import campaign_of
from prefloop.page.routes import Admin, TheApi, TheDoor

_FOLDER = Path(__file__).parent
_VERDICTS = {
    "tie": (("3", "="), "Tie: equally good"),
    "both_bad": (("4",), "Both bad"),
    "skip": (("s",), "Skip: no verdict on this pair"),
}
# Prefix of every address of a page's file: its contents' digest, so that a browser may keep it for ever and still
# never shows an old one. All files share one, since scripts name each other by relative addresses.
_DIGEST = sha256(b"".join(path.read_bytes() for path in sorted((_FOLDER / "static").iterdir()))).hexdigest()[:12]
STATIC = f"/static/{_DIGEST}"


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("prefloop.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = lambda name: f"{STATIC}/{name}"
    return made


_TEMPLATES = _environment()
router = APIRouter(include_in_schema=False)


class _Files(StaticFiles):
    """Files whose address says their contents."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """A file that the browser keeps."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def add_views(app: FastAPI) -> None:
    """Let an application show the pages to people, besides its JSON interface."""
    app.include_router(router)
    app.mount(STATIC, _Files(directory=_FOLDER / "static"), name="static")


@router.get("/", response_class=HTMLResponse)
def label(request: Request, door: TheDoor) -> Response:
    """The labelling page; to the login page without a valid token."""
    person = door.person_or_none(request)
    return _to_login() if person is None else HTMLResponse(_label(_page(request), person))


@router.get("/login", response_class=HTMLResponse)
def login(request: Request) -> Response:
    """Where a token is typed, or taken from the part of the address that no browser sends."""
    return HTMLResponse(_rendered("login.html", _page(request)))


@router.get("/admin", response_class=HTMLResponse)
def admin(request: Request, door: TheDoor, api: TheApi) -> Response:
    """The whole campaign, for an admin."""
    person = door.person_or_none(request)
    if person is None:
        return _to_login()
    if not person.is_admin:
        return _refused(request, person)
    shown = campaign_of(api.status(person))
    return HTMLResponse(_rendered("admin.html", _page(request), person=person, campaign=shown))


@router.get("/admin/conflicts", response_class=HTMLResponse)
def conflicts(request: Request, door: TheDoor) -> Response:
    """Pairs on which people disagree, for an admin to decide."""
    person = door.person_or_none(request)
    if person is None:
        return _to_login()
    if not person.is_admin:
        return _refused(request, person)
    return HTMLResponse(_rendered("conflicts.html", _page(request), person=person))


@router.get("/admin/campaign", response_class=HTMLResponse)
def campaign(request: Request, person: Admin, api: TheApi) -> Response:
    """The part of the admin's page that changes, without the page around it."""
    return HTMLResponse(_rendered("campaign.html", _page(request), campaign=campaign_of(api.status(person))))


def _refused(request: Request, person: Person) -> Response:
    return HTMLResponse(_rendered("refused.html", _page(request), person=person), 403)


def _label(page: Page, person: Person) -> str:
    offered = [(word, *_VERDICTS[word]) for word in page.verdicts]
    return _rendered(
        "label.html",
        page,
        person=person,
        verdicts=offered,
        asks_more=bool(page.strength or page.reasons or page.criteria or page.comment),
        has_guidelines=page.guidelines is not None,
    )


def _rendered(template: str, page: Page, **values: Any) -> str:
    return _TEMPLATES.get_template(template).render(title=page.title, **values)


def _page(request: Request) -> Page:
    page: Page = request.app.state.params.page
    return page


def _to_login() -> Response:
    return RedirectResponse("/login", 303)
