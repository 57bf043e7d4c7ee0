"""Tallies of a file's records: what repeats, contradicts itself, leaks, or rests on few prompts."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from prefloop.data.records import PairRecord, Record, ResponsesRecord, own_ids
from prefloop.data.spelling import question
from prefloop.io.hashing import completion_id, pair_id, prompt_id
from prefloop.labels.verdicts import Word

_TURNED: dict[Word | None, Word | None] = {"a": "b", "b": "a"}


class Tally:
    """Counts of the records of one file, by ids alone."""

    def __init__(self) -> None:
        self.records = self.identical = self.duplicates = self.scored = self.answers = 0
        self.verdicts: Counter[str] = Counter()
        self.strengths = 0
        self.annotators: set[str] = set()
        self.prompts: Counter[bytes] = Counter()
        self.spellings: dict[bytes, set[bytes]] = defaultdict(set)
        self.splits: dict[bytes, set[str]] = defaultdict(set)
        self.completions: dict[bytes, set[bytes]] = defaultdict(set)
        self.votes: dict[bytes, set[tuple[str | None, str | None]]] = defaultdict(set)
        self.kept = 0
        self.with_id = 0
        self.own_ids: set[int] = set()
        # Normal forms that a model can be scored on, and the scored answers of each prompt.
        self.can_score: set[bytes] = set()
        self.scores: Counter[bytes] = Counter()

    def add(self, record: Record, split: str | None) -> None:
        """Count one record, and the split that its row names."""
        self.records += 1
        identity = prompt_id(record.prompt.plain)
        key = bytes.fromhex(identity)
        self.prompts[key] += 1
        normal = bytes.fromhex(prompt_id(question(record.prompt)))
        self.spellings[normal].add(key)
        if split is not None:
            self.splits[normal].add(split)
        ids = own_ids(record)
        self.with_id += bool(ids)
        self.own_ids.update(map(hash, ids))
        if isinstance(record, PairRecord):
            self._add_pair(record, identity, key)
            is_answered = record.verdict not in (None, "skip")
        else:
            self._add_responses(record, identity, key)
            self.scores[key] += sum(score is not None for score in record.scores or ())
            is_answered = self.scores[key] > 1
        if is_answered:
            self.can_score.add(normal)

    def _add_pair(self, record: PairRecord, identity: str, key: bytes) -> None:
        self.verdicts[record.verdict or "none"] += 1
        self.strengths += record.strength is not None
        if record.annotator is not None:
            self.annotators.add(record.annotator)
        if record.completion_a == record.completion_b:
            self.identical += 1
            return
        a, b = (completion_id(identity, turns.plain) for turns in (record.completion_a, record.completion_b))
        self.completions[key] |= {bytes.fromhex(a), bytes.fromhex(b)}
        verdict = record.verdict if a < b else _TURNED.get(record.verdict, record.verdict)
        vote = (verdict, record.annotator)
        cast = self.votes[bytes.fromhex(pair_id(a, b))]
        if vote in cast:
            self.duplicates += 1
        else:
            cast.add(vote)
            self.kept += 1

    def _add_responses(self, record: ResponsesRecord, identity: str, key: bytes) -> None:
        self.answers += len(record.completions)
        self.scored += len(record.completions) if record.scores is not None else 0
        self.completions[key] |= {bytes.fromhex(completion_id(identity, t.plain)) for t in record.completions}

    def counts(self) -> dict[str, Any]:
        """The counts by name."""
        said = [{verdict for verdict, _ in votes} for votes in self.votes.values()]
        return {
            "records": self.records,
            "prompts": len(self.prompts),
            "pairs": len(self.votes),
            "answers": self.answers,
            "scored": self.scored,
            "verdicts": dict(self.verdicts),
            "strengths": self.strengths,
            "with_id": self.with_id,
            "ids": len(self.own_ids),
            "annotators": len(self.annotators),
            "identical": self.identical,
            "duplicate_rows": self.duplicates,
            "repeats": self.kept - len(self.votes),
            "conflicts": sum({"a", "b"} <= words for words in said),
            "pairs_with_tie": sum("tie" in words for words in said),
            "near_duplicates": sum(len(keys) - 1 for keys in self.spellings.values()),
            "leaking_prompts": sum(len(splits) > 1 for splits in self.splits.values()),
            "largest_prompt_share": round(max(self.prompts.values(), default=0) / max(self.records, 1), 6),
        }

    def comparable(self) -> int:
        """Prompts with at least two different answers."""
        return sum(len(ids) > 1 for ids in self.completions.values())
