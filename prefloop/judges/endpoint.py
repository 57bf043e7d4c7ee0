"""A language model behind any address of OpenAI's chat completions, asked about each pair in both orders."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from prefloop.errors import ConfigError, ModelError
from prefloop.io.hashing import text_id
from prefloop.judges.config import Endpoint as Config
from prefloop.judges.rubric import Reply, fill_in, read_reply
from prefloop.labels.comparison import Answer, Comparison
from prefloop.labels.verdicts import TIE, A, turned
from prefloop.progress import Progress

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

_NO_KEY = "check the key in the variable named by key_variable, and its rights"
_NO_MODEL = "check url (it mostly ends in /v1) and model"
_NO_CREDIT = "the account has no credit: top it up, then run the same command again; answers so far are kept"
_NO_SETTING = "check model, max_tokens and temperature; null leaves a setting out that the service refuses"
_HOPELESS = {401: _NO_KEY, 402: _NO_CREDIT, 403: _NO_KEY, 404: _NO_MODEL, 405: _NO_MODEL}


class Endpoint:
    """Asks a service; two answers that agree are a verdict.

    Whichever completion is called a, the one of the lower id is shown first in the first request and
    second in the second. A model that says "the first" both times, or contradicts itself in another
    way, gives a tie. Where either request fails, or gives no single letter, there is no answer.
    """

    paid = True

    def __init__(self, config: Config) -> None:
        self._config, self._key = config, _key(config)
        asked = (config.url, config.rubric, str(config.max_tokens), str(config.temperature))
        self.name = f"endpoint:{config.model}:{text_id(*asked)[:12]}"

    def ask(
        self, comparisons: Sequence[Comparison], keep: Callable[[int, Answer], None] | None = None
    ) -> list[Answer]:
        """Answer each comparison, `parallel` of them at once.

        Raises:
            ModelError: no request can succeed: a wrong key, address, model or setting, or no credit.
        """
        if not comparisons:
            return []
        try:
            return asyncio.run(self._ask(comparisons, keep))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _ask(
        self, comparisons: Sequence[Comparison], keep: Callable[[int, Answer], None] | None
    ) -> list[Answer]:
        answers: dict[int, Answer] = {}

        async def work(left: Iterator[tuple[int, Comparison]]) -> None:
            for position, comparison in left:
                answers[position] = await self._compare(client, comparison)
                if keep is not None:
                    keep(position, answers[position])
                progress.add(1)

        left = iter(enumerate(comparisons))
        with Progress("judge", len(comparisons), "pairs") as progress:
            async with _client(self._config, self._key) as client, asyncio.TaskGroup() as group:
                for _ in range(min(self._config.parallel, len(comparisons))):
                    group.create_task(work(left))
        return [answers[position] for position in range(len(comparisons))]

    async def _compare(self, client: AsyncOpenAI, comparison: Comparison) -> Answer:
        if comparison.is_alike:
            return Answer(TIE, calls=0)
        lower, higher = comparison.ordered
        forth = await self._request(client, comparison.prompt, lower, higher)
        if forth.verdict is None:
            return Answer(None, forth.reason, forth.calls, forth.tokens)
        back = await self._request(client, comparison.prompt, higher, lower)
        calls, tokens = forth.calls + back.calls, forth.tokens + back.tokens
        if back.verdict is None:
            return Answer(None, back.reason, calls, tokens)
        verdict, reason = _agreed(forth.verdict, back.verdict)
        return Answer(comparison.turned(verdict), reason, calls, tokens)

    async def _request(self, client: AsyncOpenAI, prompt: str, first: str, second: str) -> Reply:
        from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError, Omit

        text = fill_in(self._config.rubric, prompt, first, second)
        settings = {"max_tokens": self._config.max_tokens, "temperature": self._config.temperature}
        given: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
        # What the package would take from other variables belongs to another service.
        names = ("OpenAI-Organization", "OpenAI-Project", *(() if self._key else ("Authorization",)))
        given["extra_headers"] = {name: Omit() for name in names}
        try:
            raw = await client.chat.completions.with_raw_response.create(
                model=self._config.model, messages=[{"role": "user", "content": text}], **given
            )
        except APIStatusError as error:
            self._stop_if_hopeless(error)
            return Reply(None, self._told(error), _calls(error), 0)
        except APITimeoutError as error:
            return Reply(None, f"no answer within {self._config.timeout_s:g} s (timeout_s)", _calls(error), 0)
        except APIConnectionError as error:
            return Reply(None, f"no connection ({error.__cause__ or error})", _calls(error), 0)
        except APIError as error:
            return Reply(None, self._told(error), _calls(error), 0)
        return read_reply(raw.text, raw.retries_taken + 1)

    def _stop_if_hopeless(self, error: APIStatusError) -> None:
        remedy = _HOPELESS.get(error.status_code)
        if error.code == "insufficient_quota":
            remedy = _NO_CREDIT
        elif error.status_code in (400, 422) and _names_a_setting(error):
            remedy = _NO_SETTING
        if remedy:
            raise ModelError(f"{self._config.url}, model {self._config.model}: {self._told(error)}: {remedy}")

    def _told(self, error: Exception) -> str:
        text = " ".join(str(error).split())[:300]
        return text.replace(self._key, "(the key)") if self._key else text


def _agreed(forth: int, back: int) -> tuple[int, str | None]:
    """The verdict of both requests in terms of the first one's order, and what was wrong with a tie."""
    if forth == turned(back):
        return forth, None
    if TIE in (forth, back):
        return TIE, "a tie in one order only"
    return TIE, f"'{'first' if forth == A else 'second'}' in both orders"


def _names_a_setting(error: APIStatusError) -> bool:
    return error.param in ("model", "max_tokens", "temperature") or (error.code or "") in (
        "model_not_found", "invalid_model", "unsupported_parameter", "unsupported_value",
    )  # fmt: skip


def _calls(error: Any) -> int:
    # The package counts in a header what it tried before.
    return int(error.request.headers.get("x-stainless-retry-count", 0)) + 1


def _key(config: Config) -> str | None:
    if config.key_variable is None:
        return None
    key = os.environ.get(config.key_variable, "").strip()
    if not key:
        raise ConfigError(
            f"the environment variable {config.key_variable} is not set, and {config.url} is to be asked with "
            f"the key in it: export {config.key_variable}=..., or set key_variable to null if no key is needed"
        )
    return key


def _client(config: Config, key: str | None) -> AsyncOpenAI:
    from openai import AsyncOpenAI

    return AsyncOpenAI(
        api_key=key or "none",
        base_url=config.url,
        timeout=config.timeout_s,
        max_retries=config.retries,
        default_headers={"Authorization": f"Bearer {key}"} if key else None,
    )
