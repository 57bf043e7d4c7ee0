"""Language model behind any address of OpenAI's chat completions, asked about each pair in both orders."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from prefloop.errors import ModelError
from prefloop.io.hashing import text_id
from prefloop.judges.kinds import Endpoint as Config
from prefloop.judges.redaction import read_key, shown
from prefloop.judges.reply import Refusal, Reply, read_refusal, read_reply
from prefloop.judges.rubric import fill_in
from prefloop.judges.wire import Received, Wire
from prefloop.labels.comparison import Answer, Comparison
from prefloop.labels.verdicts import TIE, A, turned
from prefloop.progress import Progress

_NO_KEY = "check the key in the variable named by key_variable, and its rights"
_NO_MODEL = "check url (it mostly ends in /v1) and model"
_NO_CREDIT = "the account has no credit: top it up, then run the same command again; answers so far are kept"
_NO_SETTING = "check model, max_tokens and temperature; null leaves a setting out that the service refuses"
_MOVED = "nothing is sent to another address than url: if that is the service, name it there"
_HOPELESS = {
    301: _MOVED, 308: _MOVED, 401: _NO_KEY, 402: _NO_CREDIT, 403: _NO_KEY, 404: _NO_MODEL, 405: _NO_MODEL,
}  # fmt: skip
_MESSAGE = 200  # characters of a service's own message that are shown


class Endpoint:
    """Asks a service; two answers that agree are a verdict.

    Whichever completion is called a, the one of the lower id is shown first in the first request and
    second in the second. A model that says "the first" both times, or contradicts itself in another
    way, gives a tie. Where either request fails, or gives no single letter, there is no answer.
    """

    paid = True

    def __init__(self, config: Config) -> None:
        self._config, self._secret = config, read_key(config)
        asked = (config.url, config.rubric, str(config.max_tokens), str(config.temperature))
        self.name = f"endpoint:{config.model}:{text_id(*asked)[:12]}"

    def ask(
        self, comparisons: Sequence[Comparison], keep: Callable[[int, Answer], None] | None = None
    ) -> list[Answer]:
        """Answer each comparison, `parallel` of them at once.

        Raises:
            ModelError: no request can succeed: a wrong key, address, model or setting, or no credit.
            ConfigError: a proxy in the environment that can't be used.
        """
        if not comparisons:
            return []
        try:
            return asyncio.run(self._ask(comparisons, keep))
        except BaseExceptionGroup as group:
            error = group.exceptions[0]
        raise error

    async def _ask(
        self, comparisons: Sequence[Comparison], keep: Callable[[int, Answer], None] | None
    ) -> list[Answer]:
        answers: dict[int, Answer] = {}

        async def work(left: Iterator[tuple[int, Comparison]]) -> None:
            for position, comparison in left:
                answers[position] = await self._compare(wire, comparison)
                if keep is not None:
                    keep(position, answers[position])
                progress.add(1)

        left = iter(enumerate(comparisons))
        with Progress("judge", len(comparisons), "pairs") as progress:
            async with Wire(self._config, self._secret) as wire, asyncio.TaskGroup() as group:
                for _ in range(min(self._config.parallel, len(comparisons))):
                    group.create_task(work(left))
        return [answers[position] for position in range(len(comparisons))]

    async def _compare(self, wire: Wire, comparison: Comparison) -> Answer:
        if comparison.is_alike:
            return Answer(TIE, calls=0)
        lower, higher = comparison.ordered
        forth = await self._request(wire, comparison.prompt, lower, higher)
        if forth.verdict is None:
            return Answer(None, forth.reason, forth.calls, forth.tokens)
        back = await self._request(wire, comparison.prompt, higher, lower)
        calls, tokens = forth.calls + back.calls, forth.tokens + back.tokens
        if back.verdict is None:
            return Answer(None, back.reason, calls, tokens)
        verdict, reason = _agreed(forth.verdict, back.verdict)
        return Answer(comparison.turned(verdict), reason, calls, tokens)

    async def _request(self, wire: Wire, prompt: str, first: str, second: str) -> Reply:
        text = fill_in(self._config.rubric, prompt, first, second)
        settings = {"max_tokens": self._config.max_tokens, "temperature": self._config.temperature}
        body: dict[str, Any] = {"model": self._config.model, "messages": [{"role": "user", "content": text}]}
        body |= {name: value for name, value in settings.items() if value is not None}
        received = await wire.send(body, self._stop_if_hopeless)
        reply = self._read(received)
        return reply if reply.reason is None else Reply(None, self._show(reply.reason), reply.calls, reply.tokens)

    def _read(self, received: Received) -> Reply:
        if received.status and not received.succeeded:
            return Reply(None, self._told(received, read_refusal(received.body)), received.calls, 0)
        if received.problem is not None:
            return Reply(None, received.problem, received.calls, 0)
        return read_reply(received.body, received.headers.get("content-type", ""), received.calls, self._show)

    def _stop_if_hopeless(self, received: Received) -> None:
        if received.succeeded:
            return
        refusal, remedy = read_refusal(received.body), _HOPELESS.get(received.status)
        if refusal.code == "insufficient_quota":
            remedy = _NO_CREDIT
        elif received.status in (400, 422) and _names_a_setting(refusal):
            remedy = _NO_SETTING
        if remedy:
            told = self._told(received, refusal)
            raise ModelError(f"{self._config.url}, model {self._config.model}: {self._show(told)}: {remedy}")

    def _told(self, received: Received, refusal: Refusal) -> str:
        if 300 <= received.status < 400:
            there = self._show(received.headers.get("location", ""), _MESSAGE)
            return f"status {received.status}, which points to '{there}'; no redirect is followed"
        message = self._show(refusal.message, _MESSAGE)
        return f"status {received.status}: '{message}'" if message else f"status {received.status}"

    def _show(self, text: str, limit: int = 300) -> str:
        return shown(text, self._secret, limit)


def _agreed(forth: int, back: int) -> tuple[int, str | None]:
    """The verdict of both requests in terms of the first one's order, and what was wrong with a tie."""
    if forth == turned(back):
        return forth, None
    if TIE in (forth, back):
        return TIE, "a tie in one order only"
    return TIE, f"'{'first' if forth == A else 'second'}' in both orders"


def _names_a_setting(refusal: Refusal) -> bool:
    return refusal.param in ("model", "max_tokens", "temperature") or refusal.code in (
        "model_not_found", "invalid_model", "unsupported_parameter", "unsupported_value",
    )  # fmt: skip
