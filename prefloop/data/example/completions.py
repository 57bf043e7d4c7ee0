"""Completions of the example world: imaginary systems answer a prompt, well or badly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from prefloop.data.example import phrases
from prefloop.data.example.prompts import ASPECTS, Prompt
from prefloop.data.example.utility import Qualities, utility

OFF_TOPIC_MOST = 1
FILLERS_MOST = 1
BODY_LEAST = 2
# Share of the asked but unanswered items on which a completion says that it does not answer.
EVADES = 0.5
# Uniform numbers that one completion uses at most.
DRAWS = 1 + 2 + 1 + 2 * ASPECTS + OFF_TOPIC_MOST + FILLERS_MOST + BODY_LEAST + 1


@dataclass(frozen=True, slots=True)
class System:
    """An imaginary language model: how likely its completions show each quality."""

    name: str
    covers: float
    wanders: float
    rejects: float
    off_topic: float
    filler: float
    warm: float
    rude: float


SYSTEMS = (
    System("imaginary-aster", 0.95, 0.00, 0.08, 0.05, 0.20, 0.60, 0.05),
    System("imaginary-briar", 0.80, 0.10, 0.15, 0.10, 0.50, 0.60, 0.05),
    System("imaginary-clover", 0.60, 0.10, 0.30, 0.20, 0.15, 0.20, 0.20),
    System("imaginary-dill", 0.45, 0.15, 0.20, 0.40, 0.50, 0.20, 0.35),
    System("imaginary-elder", 0.30, 0.10, 0.40, 0.50, 0.40, 0.05, 0.60),
)


@dataclass(frozen=True, slots=True)
class Completion:
    """One completion, its hidden utility and the system it comes from."""

    text: str
    utility: float
    model: str


def complete(prompt: Prompt, count: int, rng: np.random.Generator) -> list[Completion]:
    """Draw `count` completions of a prompt with distinct texts."""
    written: dict[str, Completion] = {}
    while len(written) < count:
        for draws in rng.random((count - len(written), DRAWS)).tolist():
            completion = _compose(prompt, iter(draws))
            written.setdefault(completion.text, completion)
    return list(written.values())


def _compose(prompt: Prompt, draws: Iterator[float]) -> Completion:
    system = SYSTEMS[int(next(draws) * len(SYSTEMS))]
    opening, closing, courtesy = _courtesy(system, next(draws), next(draws))
    rejection = _maybe(phrases.REJECTIONS, system.rejects, next(draws))
    answers, covered = _answers(prompt, system, draws)
    off_topic = _several(prompt.elsewhere, system.off_topic, OFF_TOPIC_MOST, draws)
    fillers = _several(phrases.FILLERS, system.filler, FILLERS_MOST, draws)
    while len(answers) + len(off_topic) + len(fillers) < BODY_LEAST:
        fillers.append(_one(phrases.FILLERS, next(draws)))
    body = [*rejection, *answers, *fillers, *off_topic]
    turn = int(next(draws) * len(body))
    sentences = [*opening, *body[turn:], *body[:turn], *closing]
    text = " ".join(_capital(sentence.format(it=prompt.it)) for sentence in sentences)
    qualities = Qualities(covered / len(prompt.asked), len(rejection), len(off_topic), len(fillers), courtesy)
    return Completion(text, utility(prompt.topic.style, qualities), system.name)


def _courtesy(system: System, tone: float, draw: float) -> tuple[list[str], list[str], int]:
    warm = _maybe(phrases.WARM_OPENINGS, system.warm, tone)
    if warm:
        return warm, _maybe(phrases.WARM_CLOSINGS, 0.5, draw), 1
    rude = _maybe(phrases.RUDE_OPENINGS, system.rude, 1 - tone)
    return rude, _maybe(phrases.RUDE_CLOSINGS, 0.5, draw) if rude else [], -len(rude)


def _answers(prompt: Prompt, system: System, draws: Iterator[float]) -> tuple[list[str], int]:
    answers: list[str] = []
    covered = 0
    for number, aspect in enumerate(prompt.topic.aspects):
        asked = number in prompt.asked
        answer = _maybe(aspect[1:], system.covers if asked else system.wanders, next(draws))
        covered += asked * len(answer)
        if asked and not answer:
            answer = [text.replace("{item}", aspect[0]) for text in _maybe(phrases.EVASIONS, EVADES, next(draws))]
        answers += answer
    return answers, covered


def _several(options: Sequence[str], share: float, most: int, draws: Iterator[float]) -> list[str]:
    return [text for _ in range(most) for text in _maybe(options, share, next(draws))]


def _maybe(options: Sequence[str], share: float, draw: float) -> list[str]:
    # One uniform number decides whether, and if so which: given draw < share, draw / share is uniform.
    return [_one(options, draw / share)] if draw < share else []


def _one(options: Sequence[str], draw: float) -> str:
    return options[int(draw * len(options))]


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
