"""Comparisons, answers, and the one interface of all who answer: people, judges and the simulated oracle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from prefloop.io.hashing import completion_id, pair_id, prompt_id
from prefloop.labels.verdicts import turned

LOST = "lost on purpose (failure_rate)"


@dataclass(frozen=True)
class Comparison:
    """Which of two completions of a prompt is better?

    Attributes:
        prompt, a, b: texts.
    """

    prompt: str
    a: str
    b: str

    @cached_property
    def prompt_id(self) -> str:
        """Id of the prompt, as in the prepared tables."""
        return prompt_id(self.prompt)

    @cached_property
    def ids(self) -> tuple[str, str]:
        """Ids of the completions a and b, as in the prepared tables."""
        return completion_id(self.prompt_id, self.a), completion_id(self.prompt_id, self.b)

    @cached_property
    def pair(self) -> str:
        """Id of the unordered pair, as in the prepared tables."""
        return pair_id(*self.ids)

    @property
    def a_is_lower(self) -> bool:
        """Whether a's id is the lower one: what is keyed by the pair is turned by this."""
        return self.ids[0] < self.ids[1]

    @property
    def is_alike(self) -> bool:
        """Whether both texts are the same, which is a tie that nobody need be asked about."""
        return self.a == self.b

    @property
    def ordered(self) -> tuple[str, str]:
        """Both completions, that of the lower id first: the same whichever is called a."""
        return (self.a, self.b) if self.a_is_lower else (self.b, self.a)

    def turned(self, verdict: int) -> int:
        """A verdict on (a, b) as one on `ordered`, and the other way round."""
        return verdict if self.a_is_lower else turned(verdict)


@dataclass(frozen=True)
class Answer:
    """What an annotator said of a comparison.

    Attributes:
        verdict: a code of `prefloop.labels.verdicts`; None where there is no answer, which is no label.
        reason: why there is none; or why it is a tie, where a service contradicted itself.
        calls: requests it took, those that were tried again included; of a kept answer, those it once took.
        tokens: tokens that were read and written, where a service counts them.
    """

    verdict: int | None
    reason: str | None = None
    calls: int = 1
    tokens: int = 0

    def after(self, before: Answer) -> Answer:
        """This answer, with what an earlier try has cost besides."""
        return Answer(self.verdict, self.reason, self.calls + before.calls, self.tokens + before.tokens)


class Annotator(Protocol):
    """Who answers comparisons: a judge, the simulated oracle, or people behind a page.

    Attributes:
        name: who answers: the kind and all that its answers depend on, long things as a digest; a kept
            answer is used again only under the same name.
        paid: whether an answer costs money, so that it must be kept the moment it comes.
    """

    @property
    def name(self) -> str:
        """See above."""
        ...

    @property
    def paid(self) -> bool:
        """See above."""
        ...

    def ask(
        self, comparisons: Sequence[Comparison], keep: Callable[[int, Answer], None] | None = None
    ) -> list[Answer]:
        """Answer each comparison; the order of a and b and of the list changes no answer.

        Args:
            comparisons: what to ask.
            keep: called with position and answer as soon as each has come, in any order, by one thread
                at a time.
        """
        ...
