"""Judge kinds: each with its parameters (sections `oracle` and `judge` of dpo/params.yaml) and what makes one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from prefloop.config.shared import Device
from prefloop.labels.comparison import Annotator
from prefloop.section import Section

Share = Annotated[float, Field(ge=0, le=1)]


class Vader(Section):
    """Sentiment by the VADER lexicon and its rules."""

    kind: Literal["vader"]


class TextBlob(Section):
    """Sentiment by TextBlob's lexicon of adjectives."""

    kind: Literal["textblob"]


class WordList(Section):
    """The sum of the valences of a text's words, from a file `word<TAB>valence` (AFINN's format)."""

    kind: Literal["word_list"]
    path: Path


class RewardModel(Section):
    """An uncertainty model that prefloop trained: the mean of its members' rewards."""

    kind: Literal["reward_model"]
    path: Path
    encoder: Annotated[str, Field(min_length=1)]
    device: Device
    batch_size: Annotated[int, Field(ge=1, le=4096)]


class Endpoint(Section):
    """A language model behind an OpenAI-compatible address, asked in both orders."""

    kind: Literal["endpoint"]
    url: str
    model: Annotated[str, Field(min_length=1)]
    key_variable: str | None
    rubric: str
    max_tokens: Annotated[int, Field(ge=1, le=65536)] | None
    temperature: Annotated[float, Field(ge=0, le=2)] | None
    timeout_s: Annotated[float, Field(gt=0, le=86400)]
    max_reply_bytes: Annotated[int, Field(ge=1024, le=2**30)]
    retries: Annotated[int, Field(ge=0, le=20)]
    parallel: Annotated[int, Field(ge=1, le=256)]

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.port == 0 or re.search(r"[\s\x00-\x1f\x7f]", value):
            raise ValueError("expected an address without blanks, and with a port from 1 to 65535 if any")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected an address such as https://api.openai.com/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("expected an address alone; a key comes from the environment (key_variable)")
        return value.rstrip("/")

    @field_validator("key_variable")
    @classmethod
    def _names_a_variable(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError(
                "expected the name of an environment variable that holds the key, not the key; or null"
            )
        return value

    @field_validator("rubric")
    @classmethod
    def _shows_everything(cls, value: str) -> str:
        wanted = ("{prompt}", "{first}", "{second}")
        if missing := [place for place in wanted if value.count(place) != 1]:
            raise ValueError(f"expected each of {', '.join(wanted)} once (not so: {', '.join(missing)})")
        return value


class Coin(Section):
    """A fair coin, fixed per pair: the control that teaches nothing."""

    kind: Literal["coin"]


# Keys that decide no answer, or where what they name is in the judge's own name.
NOT_DECISIVE = frozenset(
    {"path", "encoder", "device", "timeout_s", "max_reply_bytes", "retries", "parallel", "key_variable"}
)

Judge = Annotated[Vader | TextBlob | WordList | RewardModel | Endpoint | Coin, Field(discriminator="kind")]


class Oracle(Section):
    """Section `oracle`: who labels, and how badly."""

    judge: Judge
    flip_rate: Annotated[float, Field(ge=0, le=0.5)]
    position_bias: Share
    failure_rate: Annotated[float, Field(ge=0, lt=1)]
    salt: str


def _vader(config: Vader) -> Annotator:
    from prefloop.judges.lexica import vader
    from prefloop.judges.scored import Scored, text_scores

    return Scored(_versioned("vader", "vaderSentiment"), text_scores(vader()))


def _textblob(config: TextBlob) -> Annotator:
    from prefloop.judges.lexica import textblob
    from prefloop.judges.scored import Scored, text_scores

    return Scored(_versioned("textblob", "textblob"), text_scores(textblob()))


def _word_list(config: WordList) -> Annotator:
    from prefloop.judges.scored import Scored, text_scores
    from prefloop.judges.word_list import valence_sum

    return Scored(f"word_list:{_digest(config.path)}", text_scores(valence_sum(config.path)))


def _reward_model(config: RewardModel) -> Annotator:
    from prefloop.judges.reward import mean_rewards
    from prefloop.judges.scored import Scored

    return Scored(f"reward_model:{_digest(config.path)}", mean_rewards(config))


def _endpoint(config: Endpoint) -> Annotator:
    from prefloop.judges.endpoint import Endpoint

    return Endpoint(config)


def _coin(config: Coin) -> Annotator:
    from prefloop.judges.coin import Coin

    return Coin()


def _versioned(kind: str, package: str) -> str:
    from importlib.metadata import version

    return f"{kind}:{version(package)}"


def _digest(path: Path) -> str:
    from prefloop.io.hashing import file_digest

    return file_digest(path)[:12] if path.is_file() else "missing"


# Kinds that need no further keys.
PLAIN: dict[str, Judge] = {
    "vader": Vader(kind="vader"),
    "textblob": TextBlob(kind="textblob"),
    "coin": Coin(kind="coin"),
}

KINDS: dict[str, Callable[[Any], Annotator]] = {
    "vader": _vader,
    "textblob": _textblob,
    "word_list": _word_list,
    "reward_model": _reward_model,
    "endpoint": _endpoint,
    "coin": _coin,
}
