"""Typed parts of savings.json: what the labels bought, and which pairs they were spent on."""

from __future__ import annotations

from prefloop.report.numbers import Conclusion, Difference, Duel, Estimate, Result


class OutcomeResult(Duel):
    """One policy by one outcome of retrained models; duels by the normalised AUC over the shares.

    Attributes:
        by_share: value at each share of the budget, against the pooled random's at the same share: intervals
            of one number each, not simultaneous.
    """

    by_share: list[Difference]


class Outcome(Result):
    """One outcome of retrained models, secondary to the log-likelihood curve.

    Attributes:
        prompts: test prompts it rests on.
        target: the pooled random's mean value at the last share.
        conclusion: whether the comparison can conclude by it.
        policies: every policy by it.
    """

    prompts: int
    target: float
    conclusion: Conclusion
    policies: dict[str, OutcomeResult]


class Secondary(Result):
    """What else is said of one policy's labels at the last share, on the test split.

    Attributes:
        log_likelihood: of the retrained reward model, nats per pair.
        best_of_accuracy, best_of_regret: of its favourite among a prompt's responses; null without scores.
        ece: its expected calibration error, debiased, mean over seeds.
        ece_floor: what the plain error of a calibrated model would be, mean over seeds.
        accuracy_small_gap, accuracy_medium_gap, accuracy_large_gap: its accuracy by tercile of the pair's
            score gap, mean over seeds; null without scored pairs.
    """

    log_likelihood: Difference
    best_of_accuracy: Difference | None
    best_of_regret: Difference | None
    ece: float | None
    ece_floor: float | None
    accuracy_small_gap: float | None
    accuracy_medium_gap: float | None
    accuracy_large_gap: float | None


class Ablation(Result):
    """A rule against the same rule without its uncertainty, at the last share.

    Attributes:
        policy: with the uncertainty.
        control: without it, or with another response's.
        outcomes: by outcome, the policy's value minus the control's, paired.
    """

    policy: str
    control: str
    outcomes: dict[str, Difference]


class Outcomes(Result):
    """Retrained models on each policy's labels, judged on the test split.

    Attributes:
        shares: shares of the budget.
        n_labels: labels of each share, the grid of all its curves.
        reward_model: test accuracy of the retrained reward model.
        policy: expected judge score of the policy proxy on test prompts; null without scores.
        uniform_score, best_score: that score of a uniform and of the best choice; null without scores.
        secondary: further numbers by policy.
        ablations: rules against themselves without uncertainty, where both ran.
    """

    shares: list[float]
    n_labels: list[int]
    reward_model: Outcome
    policy: Outcome | None
    uniform_score: float | None
    best_score: float | None
    secondary: dict[str, Secondary]
    ablations: list[Ablation]

    @property
    def primary(self) -> dict[str, Outcome]:
        """The outcomes that were fixed in advance and that these data can show, by name."""
        both = {"reward_model": self.reward_model, "policy": self.policy}
        return {name: outcome for name, outcome in both.items() if outcome is not None}

    @property
    def budget(self) -> int:
        """Labels at the last share."""
        return self.n_labels[-1]


class ModelShare(Result):
    """A model that wrote responses, and its share of all the chosen, or of all the rejected."""

    model: str
    share: float


class Choices(Result):
    """Which pairs one policy had compared, in the rounds after the initial labels.

    Attributes:
        gap: mean |s_a - s_b|; null without scores, as are the next three.
        winner_regret: mean of the prompt's best score minus the better of the two.
        pair_regret: mean of the prompt's best score minus the mean of the two.
        best_hit: share of pairs that hold the prompt's best response.
        ties: share of labels that said tie; null without such rounds.
        comparisons, annotation_calls: at the end of the run, initial labels included; means over seeds.
        chosen, rejected: the three models most often chosen and rejected; empty where none is known.
    """

    gap: Estimate | None
    winner_regret: Estimate | None
    pair_regret: Estimate | None
    best_hit: Estimate | None
    ties: Estimate | None
    comparisons: float
    annotation_calls: float
    chosen: list[ModelShare]
    rejected: list[ModelShare]
