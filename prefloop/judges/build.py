"""From the sections `oracle` and `judge` to who answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefloop.errors import ConfigError
from prefloop.judges import config as kinds
from prefloop.judges.kept import Kept
from prefloop.judges.noise import Noisy
from prefloop.judges.types import Oracle


def build_oracle(config: kinds.Oracle, verdicts: Path) -> Noisy:
    """The training oracle: a judge, with the noise that the section asks for.

    Args:
        config: section `oracle`.
        verdicts: the append-only log of paid answers.

    Raises:
        ConfigError: a key or a device that is not here.
        DataError: a missing or malformed word list.
        ModelError: weights or an encoder that are not here.
        LabelsMissing: an untrained reward ensemble.
    """
    return Noisy(build_judge(config.judge, verdicts), config)


def build_judge(config: kinds.Judge, verdicts: Path) -> Oracle:
    """A judge without noise; what it is paid for is kept. Arguments and errors as above."""
    judge = KINDS[config.kind](config)
    return Kept(judge, verdicts) if judge.paid else judge


def make_judges(oracle: kinds.Oracle, judge: kinds.Judge, verdicts: Path) -> tuple[Noisy, Oracle]:
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


def _vader(config: kinds.Vader) -> Oracle:
    from prefloop.judges.lexica import vader
    from prefloop.judges.scored import Scored, text_scores

    return Scored(_versioned("vader", "vaderSentiment"), text_scores(vader()))


def _textblob(config: kinds.TextBlob) -> Oracle:
    from prefloop.judges.lexica import textblob
    from prefloop.judges.scored import Scored, text_scores

    return Scored(_versioned("textblob", "textblob"), text_scores(textblob()))


def _word_list(config: kinds.WordList) -> Oracle:
    from prefloop.judges.scored import Scored, text_scores
    from prefloop.judges.word_list import valence_sum

    return Scored(f"word_list:{_digest(config.path)}", text_scores(valence_sum(config.path)))


def _reward_model(config: kinds.RewardModel) -> Oracle:
    from prefloop.judges.reward import mean_rewards
    from prefloop.judges.scored import Scored

    return Scored(f"reward_model:{_digest(config.path)}", mean_rewards(config))


def _endpoint(config: kinds.Endpoint) -> Oracle:
    from prefloop.judges.endpoint import Endpoint

    return Endpoint(config)


def _coin(config: kinds.Coin) -> Oracle:
    from prefloop.judges.coin import Coin

    return Coin()


def _versioned(kind: str, package: str) -> str:
    from importlib.metadata import version

    return f"{kind}:{version(package)}"


def _digest(path: Path) -> str:
    from prefloop.io.hashing import file_digest

    return file_digest(path)[:12] if path.is_file() else "missing"


KINDS: dict[str, Callable[[Any], Oracle]] = {
    "vader": _vader,
    "textblob": _textblob,
    "word_list": _word_list,
    "reward_model": _reward_model,
    "endpoint": _endpoint,
    "coin": _coin,
}
