"""Construction of the oracle and the judge from their sections."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefloop.errors import ConfigError, StateError
from prefloop.judges import kinds
from prefloop.judges.noise import Noisy
from prefloop.labels.comparison import Annotator


def build_oracle(config: kinds.Oracle, verdicts: Path) -> Noisy:
    """The training oracle: a judge, with the noise that the section asks for.

    Args:
        config: section `oracle`.
        verdicts: the append-only log of paid answers.

    Raises:
        ConfigError: a key or a device that is not here.
        DataError: a missing or malformed word list.
        ModelError: weights or an encoder that are not here.
        LabelsMissing: an untrained uncertainty model.
    """
    return Noisy(build_judge(config.judge, verdicts), config)


def build_judge(config: kinds.Judge, verdicts: Path) -> Annotator:
    """A judge without noise; what it is paid for is kept. Arguments and errors as above."""
    judge = kinds.KINDS[config.kind](config)
    if not judge.paid:
        return judge
    from prefloop.judges.kept import Kept

    _refuse_a_log_under_a_former_name(verdicts)
    return Kept(judge, verdicts)


def _refuse_a_log_under_a_former_name(verdicts: Path) -> None:
    """Active DPO's folder in the repository was `align` before it was `dpo`; its answers were paid for."""
    former = verdicts.parent.with_name("align") / verdicts.name
    if verdicts.parent.name == "dpo" and former.is_file() and former.stat().st_size:
        raise StateError(
            f"{former} holds answers that were paid for, and is no longer read: append it to {verdicts} and "
            f"remove it (cat {former} >> {verdicts} && rm {former}), then run the command again"
        )


def name_oracle(kind: str | None, given: kinds.Oracle, *, options: Sequence[str], from_file: bool) -> kinds.Oracle:
    """The training oracle that the user has named.

    Args:
        kind: option --oracle: a kind that needs no further keys, or None.
        given: section `oracle` of the parameters.
        options: the options by which the user's own model or prompts came.
        from_file: whether the parameters are a file that the user gave, not the packaged ones.

    Returns:
        The section, with the judge of that kind.

    Raises:
        ConfigError: nobody has named an oracle for what is the user's own; or a kind that does not exist or
            needs keys.
    """
    plain = ", ".join(kinds.PLAIN)
    if kind is not None:
        if kind not in kinds.PLAIN:
            others = ", ".join(sorted(set(kinds.KINDS) - set(kinds.PLAIN)))
            raise ConfigError(
                f"--oracle: got {kind}, expected {plain}; {others} "
                "need keys of their own: set oracle.judge in a parameter file and give it with --params"
            )
        return given.model_copy(update={"judge": kinds.PLAIN[kind]})
    if options and not from_file:
        raise ConfigError(
            f"{' and '.join(options)}: nothing says who labels, and the packaged oracle ({given.judge.kind}) "
            f"knows nothing of your task: name one with --oracle ({plain}), or set oracle.judge in a parameter "
            "file and give it with --params (see docs/dpo.md)"
        )
    return given


def make_judges(oracle: kinds.Oracle, judge: kinds.Judge, verdicts: Path) -> tuple[Noisy, Annotator]:
    """The training oracle and the judge that never trains.

    Args:
        oracle: section `oracle`.
        judge: section `judge`.
        verdicts: the append-only log of paid answers.

    Raises:
        ConfigError: they are the same, or a key or a device that is not here.
        DataError, ModelError, LabelsMissing: a word list, weights or an encoder that cannot be used.
    """
    trains, never_trains = build_oracle(oracle, verdicts), build_judge(judge, verdicts)
    if trains.name == never_trains.name:
        raise ConfigError(
            f"judge: {never_trains.name} is the training oracle in other words; expected another, which never "
            "trains"
        )
    return trains, never_trains
