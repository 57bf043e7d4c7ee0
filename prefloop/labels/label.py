"""Label: one line of the log, the same for people, judges and the simulated oracle."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from prefloop.io.hashing import pair_id
from prefloop.labels.comparison import Answer, Comparison
from prefloop.labels.verdicts import WORDS, Compared, Word

SOURCE = r"^(human|oracle|judge:.+|data:.+)$"
BLANKS = " \t\r\n"
# Sources that no batch asked: their labels may have no round.
ROUNDLESS = ("judge:", "data:")
# The reason of a line that takes an annotator's word on a pair back.
WITHDRAWN = "withdrawn"
# Lines that are no vote: a gold item's answer, the same question a second time, and the last word on a conflict.
Purpose = Literal["gold", "repeat", "adjudication"]
# Which completion stands left.
Left = Literal["a", "b"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


def _named(value: str) -> str:
    if not value.strip(BLANKS):
        raise ValueError("a name")
    return value


def _instant(value: str) -> str:
    """Check that a text is a point in time: ISO 8601 with a date, a time and a zone."""
    try:
        # Python takes any character between date and time.
        zone = datetime.fromisoformat(value).tzinfo if set(value) & set("Tt ") else None
    except ValueError:
        zone = None
    if zone is None:
        raise ValueError("a time in ISO 8601 with zone, such as 2026-01-31T17:05:00+00:00")
    return value


def _counted(value: object) -> object:
    """Refuse what pydantic would take for 0 or 1."""
    if isinstance(value, bool):
        raise ValueError("a number")
    return value


_Number = BeforeValidator(_counted)


class Label(BaseModel):
    """One answer of one annotator on one pair: a verdict, or the reason why there is none.

    Attributes:
        pair_id, prompt_id, completion_a, completion_b: ids; completion_a < completion_b.
        annotator: who; a later verdict of the same annotator on the same pair replaces the earlier. Of a judge,
            its name (`Annotator.name`), which says all that its answers depend on.
        verdict: a, b, tie, both_bad or skip; None: there is no answer, which is no label.
        reason: why there is no verdict; or why it is a tie, where a judge contradicted itself. `WITHDRAWN` takes
            the annotator's earlier verdict on the pair back.
        strength: how strong the preference is, 0 to 1, if asked for; of data, as the file counts it.
        shown_left: which completion stood left (or first).
        duration_ms: time to answer, milliseconds.
        timestamp: ISO 8601 with zone.
        round: the batch's round; None for what was answered outside a campaign.
        source: human, judge:<model>, oracle, or data:<file> for a label that stood in the data.
        cost: what the label cost, in the campaign's currency.
        calls: requests a judge took.
        tokens: tokens a judge read and wrote.
        rubric_version: which instructions the annotator had.
        purpose: gold (a question whose answer is known), repeat (asked a second time) or adjudication (the last
            word on a pair, whatever the votes); None for a vote.
        lease: the question that was answered; one lease has one answer, however often it is sent.
        reasons: words that the annotator chose from a list.
        criteria: verdicts a, b or tie by criterion, besides the whole.
        comment: the annotator's own words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    pair_id: str
    prompt_id: str
    completion_a: str
    completion_b: str
    annotator: Annotated[str, AfterValidator(_named)]
    verdict: Word | None = None
    reason: str | None = None
    strength: Annotated[Annotated[float, Field(ge=0)] | None, _Number] = None
    shown_left: Left | None = None
    duration_ms: Annotated[Annotated[int, Field(ge=0, lt=2**63)] | None, _Number] = None
    timestamp: Annotated[str, AfterValidator(_instant)]
    round: Annotated[Annotated[int, Field(ge=0, le=1_000_000)] | None, _Number] = None
    source: Annotated[str, Field(pattern=SOURCE)]
    cost: Annotated[Annotated[float, Field(ge=0)] | None, _Number] = None
    calls: Annotated[Annotated[int, Field(ge=0, lt=2**63)] | None, _Number] = None
    tokens: Annotated[Annotated[int, Field(ge=0, lt=2**63)] | None, _Number] = None
    rubric_version: str | None = None
    purpose: Purpose | None = None
    lease: str | None = None
    reasons: tuple[str, ...] | None = None
    criteria: dict[str, Compared] | None = None
    comment: str | None = None

    @model_validator(mode="after")
    def _names_one_pair(self) -> Label:
        # Otherwise the pair would be asked again, or a verdict be counted for another.
        if self.completion_a >= self.completion_b:
            wrong = {"field": "completion_a", "got": self.completion_a}
            raise PydanticCustomError(
                "wrong", "an id below completion_b; with the completions, swap a and b in the verdict too", wrong
            )
        if self.pair_id != pair_id(self.completion_a, self.completion_b):
            wrong = {"field": "pair_id", "got": self.pair_id}
            raise PydanticCustomError("wrong", "the pair_id of these two completions", wrong)
        return self

    @model_validator(mode="after")
    def _is_whole(self) -> Label:
        if self.verdict is None and not self.reason:
            raise PydanticCustomError("verdict", "expected in every label that has no reason why there is none")
        if self.strength is not None and self.strength > 1 and not self.source.startswith("data:"):
            raise PydanticCustomError("wrong", "0 to 1", {"field": "strength", "got": self.strength})
        if self.round is None and not self.source.startswith(ROUNDLESS):
            raise PydanticCustomError("round", "expected in every label of people and of the oracle")
        return self


def label_of(comparison: Comparison, answer: Answer, *, annotator: str, source: str, round_: int | None) -> Label:
    """The line of the log for an answer that came now; texts are not stored.

    Args:
        comparison: what was asked; its texts differ.
        answer: what came back.
        annotator, source: see `Label`.
        round_: the batch's round, or None.
    """
    lower, higher = sorted(comparison.ids)
    return Label(
        pair_id=comparison.pair,
        prompt_id=comparison.prompt_id,
        completion_a=lower,
        completion_b=higher,
        annotator=annotator,
        verdict=None if answer.verdict is None else WORDS[comparison.turned(answer.verdict)],
        reason=answer.reason,
        calls=answer.calls if source.startswith("judge:") else None,
        tokens=answer.tokens if source.startswith("judge:") else None,
        timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
        round=round_,
        source=source,
    )
