"""Probes of judges: what each says of the same comparisons."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import numpy as np
import torch

from prefloop.embed.features import load_features
from prefloop.embed.pipeline import embed_prepared
from prefloop.judges import build, kinds
from prefloop.judges.coin import Coin
from prefloop.judges.kinds import Oracle, RewardModel
from prefloop.judges.lexica import textblob, vader
from prefloop.judges.noise import Noisy
from prefloop.judges.reward import mean_rewards
from prefloop.judges.scored import Scored, text_scores
from prefloop.judges.word_list import valence_sum
from prefloop.reward.inputs import FitInputs
from prefloop.reward.registry import fit_model, save_model
from tests.embed.conftest import write_bert
from tests.embed.helpers import embed_config, write_prepared
from tests.identity.guard import TRAINED, Probe
from tests.identity.worlds import scratch
from tests.judges import server
from tests.judges.helpers import PAIRS, Comparison
from tests.judges.test_endpoint import config as endpoint_config
from tests.reward.mlp import toy_data
from tests.worlds import make_params

TEXTS = (
    "What a wonderful, happy day!", "It was a terrible and sad story.", "I do not like this awful thing.",
    "The box is on the table.", "Great, great fun. I LOVE it!!", "not good, but not very bad either :(", "",
    "A kind of nice, rather boring book.", "hardly good", "can't stand it; extremely ugly", "good", "bad good",
)  # fmt: skip
COMPARED = [Comparison("p", a, b) for n, a in enumerate(TEXTS) for b in TEXTS[n:]]
WORDS = "good\t3\nbad\t-2.5\ncan't stand\t-3\nnice\t1\nvery bad\t-4\nkind\t2\nkind of\t0\nlove\t3\n"


def judge_probes() -> dict[str, Probe]:
    """A probe of every kind of judge: verdicts, for one that needs no keys and has no other."""
    plain = {f"judge.{kind}": Probe(_plain(kind)) for kind in kinds.PLAIN}
    return plain | {
        "judge.vader": Probe(lambda: _lexicon(vader())),
        "judge.textblob": Probe(lambda: _lexicon(textblob())),
        "judge.word_list": Probe(_word_list),
        "judge.coin": Probe(_coin),
        "judge.reward_model": Probe(_reward_model, TRAINED),
        "judge.endpoint": Probe(_endpoint),
    }


def said(judge: Any, comparisons: Sequence[Comparison]) -> list[Any]:
    """Verdict, calls and tokens of each answer."""
    answers = judge.ask(comparisons)
    return [[a.verdict for a in answers], [a.calls for a in answers], [a.tokens for a in answers]]


def _plain(kind: str) -> Callable[[], Any]:
    return lambda: said(kinds.KINDS[kind](kinds.PLAIN[kind]), COMPARED)


def _lexicon(score: Callable[[str], float]) -> Any:
    return {"scores": [score(text) for text in TEXTS], "said": said(Scored("x", text_scores(score)), COMPARED)}


def _word_list() -> Any:
    path = scratch("words.txt")
    path.write_text(WORDS)
    return _lexicon(valence_sum(path))


def _coin() -> Any:
    """The coin itself, and what noise of every kind makes of it: noise is no judge, but as fixed as the coin."""
    noise = Oracle(judge={"kind": "coin"}, flip_rate=0.2, position_bias=0.3, failure_rate=0.2, salt="s")
    return [said(Coin(), PAIRS), said(Noisy(Coin(), noise), PAIRS)]


def _reward_model() -> Any:
    """Mean rewards of texts by an ensemble with its initial weights and a tiny encoder, and what follows."""
    root = scratch("judge")
    embed = embed_config(write_bert(root / "tiny-bert"), max_length=24)
    write_prepared(root / "prepared", {"a": ["b", "c"]})
    embed_prepared(root / "prepared", root / "features", root / "cache", embed)
    manifest = load_features(root / "features").manifest
    features, comparisons = toy_data(count=2, dim=manifest["dim"])
    none = type(comparisons)(comparisons.winner[:0], comparisons.loser[:0])
    inputs = FitInputs(features, none, 0, 0, None, lambda: (0, 1), torch.device("cpu"), np.zeros(0, np.int64))
    reward = make_params(reward__mlp_ensemble__init_std=0.5).reward
    model: Any = fit_model(reward, inputs)
    model.epochs[:] = 1
    path = root / "model.safetensors"
    save_model(path, reward.kind, model, {"encoder": manifest})
    config = RewardModel(kind="reward_model", path=path, encoder=embed.model, device="cpu", batch_size=4)
    asked = [Comparison("i like a dog", a, b) for a, b in zip(TEXTS[:5], TEXTS[5:10], strict=True)]
    return {
        "rewards": mean_rewards(config)(asked),
        "said": said(build.build_judge(config, root / "none.jsonl"), asked),
    }


def _endpoint() -> Any:
    """What a service is sent, and what is made of honest answers, of biased, hesitant, odd and broken ones."""
    replies = {
        "honest": server.honest,
        "first": lambda *_: server.completion("A"),
        "second, then tie": lambda _, number: server.completion(" b." if number % 2 else "C"),
        "odd": lambda asked, number: server.completion('"a"' if number % 3 else "Neither.", tokens=None),
    }
    pairs = [Comparison(f"prompt {n // 2}", f"left {n * 7 % 5}", f"right {n * 3 % 4}") for n in range(6)]
    proxies = {name: "" for name in os.environ if name.lower().endswith("_proxy")}
    found: dict[str, Any] = {}
    with mock.patch.dict(os.environ, {**proxies, "JUDGE_KEY": "none", "NO_PROXY": "127.0.0.1"}):
        for name, say in replies.items():
            with server.serving(say) as served:
                config = endpoint_config(served.url, parallel=1)
                judge = kinds.KINDS["endpoint"](config)
                found[name] = said(judge, [*pairs, Comparison("p", "same", "same")])
            found[f"{name}, asked"] = [[asked.path, asked.body] for asked in served.asked][:4]
        found["name"] = kinds.KINDS["endpoint"](endpoint_config("http://127.0.0.1:9/v1")).name
    return found
