"""People: annotators by name, with digests of their tokens; no token is ever stored."""

from __future__ import annotations

import hmac
import json
import logging
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from prefloop.errors import ConfigError, StateError, shown
from prefloop.io.atomic import atomic_path
from prefloop.io.lock import locked

log = logging.getLogger("prefloop")

Role = Literal["annotator", "admin"]

# 22 of these 64 characters are 132 bits.
_TOKEN = re.compile(r"[A-Za-z0-9_~.+/=-]{22,200}")
_LONGEST_NAME = 80
# Names that lines of the log have which no person wrote.
_TAKEN = re.compile(r"oracle|data(-\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Person:
    """Who may answer.

    Attributes:
        name: stands in the log as annotator.
        role: an admin also sees the whole campaign and decides conflicts.
        digest: SHA-256 of the token, hexadecimal.
    """

    name: str
    role: Role
    digest: str

    @property
    def is_admin(self) -> bool:
        """Whether this is an admin."""
        return self.role == "admin"


def new_token() -> str:
    """A token of 192 random bits."""
    return secrets.token_urlsafe(24)


def digest_of(token: str) -> str:
    """What is kept of a token. It has 128 bits or more, so that nothing slower than SHA-256 is needed."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def checked_name(name: str) -> str:
    """A name that can stand for a person.

    Raises:
        ConfigError: blank, too long, with characters that cannot be seen, or one that others have in the log.
    """
    if not name.strip() or name != name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ConfigError(f"annotator {shown(name)!r}: expected 1 to {_LONGEST_NAME} visible characters")
    if _TAKEN.fullmatch(name):
        raise ConfigError(f"annotator {name!r}: in the log this name stands for labels that no person gave")
    return name


def parse_given(given: str) -> Person:
    """A person of the command line, NAME:TOKEN.

    Raises:
        ConfigError: another form, or a token that can be guessed.
    """
    name, colon, token = given.rpartition(":")
    if not colon:
        raise ConfigError("--annotator: expected NAME:TOKEN")
    if not _TOKEN.fullmatch(token):
        # The token itself is not shown: it may be in use elsewhere.
        raise ConfigError(
            f"--annotator {shown(name)}:…: expected a token of at least 22 letters, digits, '-' or '_', as "
            "python -c 'import secrets; print(secrets.token_urlsafe(24))' makes one"
        )
    return Person(checked_name(name), "annotator", digest_of(token))


class People:
    """Those who may answer: the lasting ones of a file, which is read again when it changes, and those given.

    Args:
        path: the file; may be missing.
        given: people of this process alone.

    Attributes:
        campaign: stands for the campaign, the same wherever it is served from this folder.

    Raises:
        ConfigError: a name that two have.
        StateError: a damaged file.
    """

    def __init__(self, path: Path, given: Iterable[Person] = ()) -> None:
        self._path, self._given = path, tuple(given)
        self.campaign = sha256(os.fsencode(path.resolve())).hexdigest()[:12]
        self._seen: tuple[int, ...] | None = None
        self._lasting: tuple[Person, ...] = ()
        self._read_again()
        names = [person.name for person in self._given + self._lasting]
        for name in set(names):
            if names.count(name) > 1:
                raise ConfigError(f"annotator {shown(name)!r}: two have this name; give the other another one")

    def everybody(self) -> tuple[Person, ...]:
        """All of them; who was made since with the name of one who was given waits until that one is gone."""
        self._read_again()
        taken = {person.name for person in self._given}
        return self._given + tuple(person for person in self._lasting if person.name not in taken)

    def who(self, token: str) -> Person | None:
        """Whose token this is; every digest is compared, and in constant time."""
        digest, person = digest_of(token), None
        for one in self.everybody():
            if hmac.compare_digest(one.digest, digest):
                person = one
        return person

    def _read_again(self) -> None:
        try:
            stat = os.stat(self._path)
            seen: tuple[int, ...] | None = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        except FileNotFoundError:
            seen = None
        if seen != self._seen:
            self._lasting, self._seen = read_people(self._path), seen
            for person in self._lasting:
                if person.name in {one.name for one in self._given}:
                    log.warning("annotator %r of %s: somebody given has this name", person.name, self._path)


def read_people(path: Path) -> tuple[Person, ...]:
    """The lasting annotators, none where there is no file.

    Raises:
        StateError: a damaged file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Person(row["name"], row["role"], row["digest"]) for row in content["annotators"])
    except FileNotFoundError:
        return ()
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"{path} is damaged ({error}): delete it, and make the annotators again with "
            "prefloop labels annotator add NAME"
        ) from None


def add_person(path: Path, name: str, role: Role) -> str:
    """Make a lasting annotator.

    Returns:
        The token, which is kept nowhere.

    Raises:
        ConfigError: a name that cannot be, or that somebody has.
    """
    token = new_token()
    with locked(path):
        people = read_people(path)
        if checked_name(name) in {person.name for person in people}:
            raise ConfigError(f"annotator {shown(name)!r}: there is one of this name; remove it for a new token")
        _write(path, (*people, Person(name, role, digest_of(token))))
    return token


def remove_person(path: Path, name: str) -> None:
    """Take an annotator's token back; what they have said stays in the log.

    Raises:
        ConfigError: nobody has this name.
    """
    with locked(path):
        people = read_people(path)
        rest = tuple(person for person in people if person.name != name)
        if len(rest) == len(people):
            raise ConfigError(f"annotator {shown(name)!r}: nobody has this name")
        _write(path, rest)


def _write(path: Path, people: tuple[Person, ...]) -> None:
    content = json.dumps({"annotators": [asdict(person) for person in people]}, ensure_ascii=False, indent=1)
    with atomic_path(path) as temporary:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content + "\n")
