"""Prompts of the example world, numbered: every number is another prompt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from prefloop.data.example import phrases
from prefloop.data.example.other_topics import OTHER_TOPICS
from prefloop.data.example.topics import MAIN_TOPICS, Topic

ASPECTS = 6
# The items a prompt asks for: any two or three of its topic's aspects.
ASKED = tuple(combinations(range(ASPECTS), 2)) + tuple(combinations(range(ASPECTS), 3))


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt and what it is about.

    Attributes:
        text: the prompt's text.
        topic: its topic.
        it: short name of the subject, which replaces `{it}` in sentences.
        asked: numbers of the topic's aspects that the prompt asks for.
        elsewhere: sentences of the other topics.
    """

    text: str
    topic: Topic
    it: str
    asked: tuple[int, ...]
    elsewhere: tuple[str, ...]


@dataclass(frozen=True)
class World:
    """All prompts that a part of the example set can draw from."""

    topics: tuple[Topic, ...]
    forms: tuple[str, ...]
    where: tuple[str, ...]
    when: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of distinct prompts."""
        return self.subjects * len(ASKED) * len(self.forms) * len(self.where) * len(self.when)

    @cached_property
    def subjects(self) -> int:
        """Number of subjects over all topics."""
        return sum(len(topic.subjects) for topic in self.topics)

    def prompt(self, number: int) -> Prompt:
        """Build prompt `number`, 0 to size - 1; small numbers are prompts with little context."""
        number, subject_number = divmod(number, self.subjects)
        number, asked = divmod(number, len(ASKED))
        number, form = divmod(number, len(self.forms))
        when, where = divmod(number, len(self.where))
        topic_number, subject = self._subject(subject_number)
        topic = self.topics[topic_number]
        task, it = topic.subjects[subject]
        text = self.forms[form].format(
            task=task, where=self.where[where], when=self.when[when], items=_items(topic, ASKED[asked])
        )
        return Prompt(text, topic, it, ASKED[asked], self.elsewhere[topic_number])

    @cached_property
    def elsewhere(self) -> tuple[tuple[str, ...], ...]:
        """For each topic, the sentences of all other topics."""
        return tuple(
            tuple(sentence for other in self.topics if other is not topic for sentence in _sentences(other))
            for topic in self.topics
        )

    def _subject(self, number: int) -> tuple[int, int]:
        for row, topic in enumerate(self.topics):
            if number < len(topic.subjects):
                return row, number
            number -= len(topic.subjects)
        raise IndexError(number)


MAIN = World(MAIN_TOPICS, phrases.MAIN_FORMS, phrases.MAIN_WHERE, phrases.MAIN_WHEN)
OTHER = World(OTHER_TOPICS, phrases.OTHER_FORMS, phrases.OTHER_WHERE, phrases.OTHER_WHEN)


def _items(topic: Topic, asked: tuple[int, ...]) -> str:
    names = [topic.aspects[number][0] for number in asked]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _sentences(topic: Topic) -> list[str]:
    # Each aspect speaks of another subject, so that the sentences of a topic show its whole range.
    return [
        sentence.format(it=topic.subjects[number % len(topic.subjects)][1])
        for number, aspect in enumerate(topic.aspects)
        for sentence in aspect[1:]
    ]
