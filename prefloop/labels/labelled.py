"""Labelled pairs of a division, and the preferences to train on that they give."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from prefloop.data.pairs import Pairs
from prefloop.labels.soft import SoftLabels, Ties, soft_verdicts
from prefloop.labels.verdicts import Trained, is_decided, shares, trained_by
from prefloop.reward.groups import comparison_groups
from prefloop.reward.inputs import Comparisons
from prefloop.target import label_weights


@dataclass(frozen=True)
class Labelled:
    """Labelled pairs of a division, and their verdicts.

    Attributes:
        pairs: n pairs.
        verdicts: int8 [n], codes of `prefloop.labels.verdicts`.
        soft: what the pairs train; None: each its verdict, a tie nothing.
    """

    pairs: Pairs
    verdicts: np.ndarray
    soft: SoftLabels | None = None

    @property
    def decided(self) -> np.ndarray:
        """int64, rows of the pairs that have a winner."""
        return np.flatnonzero(is_decided(self.verdicts))

    @property
    def by_verdict(self) -> Labelled:
        """The same pairs, each as its verdict alone says."""
        return Labelled(self.pairs, self.verdicts)

    def with_ties(self, ties: Ties) -> Labelled:
        """The same pairs by their verdicts, of which a tie trains nothing or half a preference each way."""
        return self.by_verdict if ties == "none" else replace(self, soft=soft_verdicts(self.verdicts, ties))

    def comparisons(self, balance: float = 0.0) -> Comparisons:
        """The preferences to train on as winners and losers, weighted by `label_weights` and as soft labels say.

        `label_weights` counts pairs, whether they train one way or both.
        """
        trained, pairs = self._trained()
        first = trained.winner < trained.loser
        winner, loser = np.where(first, pairs.a, pairs.b), np.where(first, pairs.b, pairs.a)
        rows, label = np.unique(trained.rows, return_inverse=True)
        weights = self._weights(rows, balance)
        if len(rows) == len(label):
            return Comparisons(winner, loser, weights)
        weights = (np.ones(len(rows)) if weights is None else weights)[label] * trained.share
        return Comparisons(winner, loser, weights * (len(label) / len(rows)), label)

    def groups(self, text: np.ndarray) -> np.ndarray:
        """int64, group of each of `comparisons`: those that share a prompt or a text are together.

        Args:
            text: int32 [C], number of each completion's text.
        """
        _, pairs = self._trained()
        return comparison_groups(pairs.prompt, text[pairs.a], text[pairs.b])

    def take(self, rows: np.ndarray) -> Labelled:
        """The labelled pairs at some places, or under a mask."""
        soft = None if self.soft is None else self.soft.take(rows)
        return Labelled(self.pairs.take(rows), self.verdicts[rows], soft)

    def join(self, pairs: Pairs, verdicts: np.ndarray) -> Labelled:
        """The verdicts on these and further pairs."""
        return Labelled(Pairs.join(self.pairs, pairs), np.concatenate([self.verdicts, verdicts]))

    def _trained(self) -> tuple[Trained, Pairs]:
        """The preferences, and the pair of each."""
        trained = trained_by(shares(self.verdicts) if self.soft is None else self.soft.share)
        return trained, self.pairs.take(trained.rows)

    def _weights(self, rows: np.ndarray, balance: float) -> np.ndarray | None:
        """What the pairs at some rows weigh, float64 with mean 1; None: all alike."""
        weights = label_weights(self.pairs.prompt[rows], balance) if balance else None
        own = None if self.soft is None else self.soft.weight[rows]
        if own is None or (own == own[:1]).all():
            return weights
        product: np.ndarray = own if weights is None else own * weights
        return product / product.mean()

    @classmethod
    def empty(cls) -> Labelled:
        """No labels."""
        return cls(Pairs.empty(), np.zeros(0, dtype=np.int8))
