"""Probes of active DPO: prompts, the start model, rules, rounds, training and evaluation."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import torch

from prefloop.dpo import loop
from prefloop.dpo.config import Lora, Prompts, Start, Train
from prefloop.dpo.evaluation import Evaluator, start_completions, summarise
from prefloop.dpo.language_model import LanguageModel, load_model
from prefloop.dpo.loop import DpoRun, DpoSpec
from prefloop.dpo.problem import Problem, make_problem
from prefloop.dpo.prompt_set import PromptSet
from prefloop.dpo.prompts import write_prompts
from prefloop.dpo.registry import RULES
from prefloop.dpo.start import write_start
from prefloop.dpo.training import Preference, train_dpo
from prefloop.io.arrays import read_table, write_table
from prefloop.io.json import read_json
from prefloop.messages.message import Turns
from prefloop.progress import quiet_transformers
from prefloop.rounds.driver import play_rounds
from prefloop.rounds.store import RoundStore
from tests.dpo import worlds
from tests.dpo.test_rules import CONFIGS, World, choose
from tests.dpo.toys import END, VOCABULARY, toy_model
from tests.identity.guard import TRAINED, Probe
from tests.identity.worlds import emptied, scratch
from tests.judges.helpers import Table

CPU = torch.device("cpu")


def dpo_probes() -> dict[str, Probe]:
    """A probe of every part of active DPO but its judges and its report."""
    return {
        "dpo_prompts": Probe(_prompts),
        "dpo_start": Probe(_start, TRAINED),
        "dpo_rounds": Probe(_rounds, TRAINED),
        "dpo_training": Probe(_training, TRAINED),
        "dpo_evaluation": Probe(_evaluation, TRAINED),
    } | {f"dpo_rule.{name}": Probe(_rule(name)) for name in RULES}


def _prompts() -> Any:
    """Prompts and texts of the example, and of files with repeats, with beginnings of texts as prompts."""
    root = scratch("prompts")
    root.mkdir(exist_ok=True)
    file = root / "rows.jsonl"
    rows = [{"prompt": f"Prompt {n % 9}", "text": f"Prompt {n % 9} goes on {n % 12}."} for n in range(30)]
    rows += [{"text": f"A text without a prompt, number {n % 5}, has a beginning."} for n in range(8)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    base = {
        "files": [],
        "hub": {"preset": "imdb", "path": None, "revision": None},
        "example": {"seed": 1, "prompts": 50, "texts": 100},
        "test": 0.4,
        "salt": "s",
    }
    settings = {
        "example": {"source": "example", "prefix_words": None},
        "files": {"source": "files", "files": [str(file)], "prefix_words": [2, 5]},
    }
    found = {}
    for name, changes in settings.items():
        write_prompts(Prompts.model_validate(base | changes), root / name)
        tables = {kind: read_table(root / name / f"{kind}.parquet") for kind in ("prompts", "texts")}
        found[name] = tables | {"report": read_json(root / name / "report.json")}
    return found


def _start() -> Any:
    """Vocabulary, weights and losses of a tiny model, trained for two passes on texts that are written here."""
    root = scratch("start")
    words = ("tom", "mia", "saw", "the", "cat", "and", "was", "happy", "sad")
    texts = [" ".join(words[(n * k + k) % 9] for k in range(1, 6)) + "." for n in range(40)]
    split = ["train"] * 30 + ["test"] * 10
    write_table(root / "texts" / "texts.parquet", pa.table({"text": texts, "split": split}))
    config = Start.model_validate(
        {
            "source": "tiny",
            "model": "nowhere",
            "revision": None,
            "chat": False,
            "seed": 3,
            "tiny": {"vocabulary": 280, "width": 8, "layers": 1, "heads": 2, "context": 32},
            "texts": {"epochs": 2, "learning_rate": 0.01, "batch_size": 4, "block": 24},
        }
    )
    write_start(config, root / "texts", root / "model", "cpu")
    about = read_json(root / "model" / "start.json")
    model = load_model(root / "model", device=CPU, chat=False)
    return {
        "vocabulary": [word for word, _ in sorted(model.tokenizer.get_vocab().items(), key=lambda item: item[1])],
        "tokens": model.encode(Turns("the cat was sad")),
        "weights": _weights(model.model),
    } | {name: about[name] for name in ("parameters", "texts", "train_loss", "test_loss")}


def _weights(model: Any) -> np.ndarray:
    """All weights in a row, by name."""
    return np.concatenate([tensor.float().numpy().ravel() for _, tensor in sorted(model.state_dict().items())])


@cache
def _problem() -> Problem:
    """Forty prompts, and a random model of one layer whose tokens are words."""
    with quiet_transformers():
        folder = worlds.write_start(scratch("random-llama"), seed=1)
        reference = load_model(folder, device=CPU, chat=False)
    texts = worlds.prompts(40)
    prompts = PromptSet([f"p{n}" for n in range(40)], list(map(Turns, texts)), range(28), range(28, 40))
    sampling = worlds.small_params(sampling={"max_new_tokens": 6, "attempts": 3, "temperature": 0.8}).sampling
    return make_problem(prompts, reference, sampling)


def moved(policy: LanguageModel, by: float) -> LanguageModel:
    """The same model with every weight stretched: a policy that no training has made."""
    model = copy.deepcopy(policy.model)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1 + by)
    return policy.with_model(model)


def _rule(name: str) -> Callable[[], Any]:
    def outputs() -> Any:
        """Choices of a trained policy, of one that is the reference, and where some prompts give no pair."""
        found = []
        changes = {
            "entropy": {"samples": 2},
            "hybrid": {"pairs": 2, "prompts": 5},
            "random_compute_matched": {"pairs": 2},
            "diverse_certainty": {"max_cosine": 0.2, "sketch": 4},
            "d_optimal": {"ridge": 0.1, "sketch": 4},
        }.get(name, {})
        for of in ({}, changes):
            views = (
                World(seed=1),
                World(seed=2, trained=False),
                World(seed=3, repeats=range(0, 120, 3), beta=2.0),
            )
            for seed, world in enumerate(views):
                pairs = choose(name, world, seed, **of)
                asked = [world.drawn, world.sampled, world.written, world.by_reference]
                found.append([pairs.prompt, pairs.log_policy, pairs.row, asked])
        return found

    assert name in CONFIGS
    return outputs


def _rounds() -> Any:
    """What is written, chosen, asked and trained on in two rounds; training only stretches the weights."""
    problem, found = _problem(), {}
    for name, mode in (("random", "reset"), ("offline", "continue")):
        params = worlds.small_params(
            run={"batch": 5, "rounds": 2}, evaluation={"prompts": 3}, train={"mode": mode}
        )
        spec = DpoSpec(name, params.policies[name], 2, params.run, params.train, params.evaluation)
        given: list[Any] = []

        def stretched(
            start: Any, _: Any, preferences: Any, *__: Any, seed: int, round_: int, given: Any = given
        ) -> Any:
            given.append([seed, round_, _content(preferences)])
            return moved(replace(problem.reference, model=start), 0.1).model, [0.5, 0.25]

        oracle = Table(seed=1)
        run = DpoRun(problem, oracle, (Table("other"), Table("judge")), spec)
        store = RoundStore(emptied(f"dpo-rounds-{name}"), "x", run.form, {})
        with mock.patch.object(loop, "train_dpo", stretched):
            records = play_rounds(run, store, lambda *_: None)
        told = (
            "n_labels",
            "n_ties",
            "n_no_answer",
            "n_calls",
            "written",
            "sampled",
            "dropped",
            "certainty",
            "agreement",
        )
        found[name] = [
            {
                "prompts": [of.pair.prompt for of in record.labelled],
                "completions": [list(side) for of in record.labelled for side in of.pair.completions],
                "verdicts": [of.verdict for of in record.labelled],
                "log_policy": np.array([of.pair.log_policy for of in record.labelled]),
                "log_reference": np.array([of.pair.log_reference for of in record.labelled]),
                "unanswered": record.unanswered,
                "facts": {fact: record.facts[fact] for fact in told},
            }
            for record in records
        ] + given
    return found


def _content(preferences: Any) -> Any:
    sides = [[list(of.prompt), list(of.chosen), list(of.rejected)] for of in preferences]
    return [sides, np.array([[of.reference_chosen, of.reference_rejected] for of in preferences])]


def _training() -> Any:
    """Losses and weights of a toy model on fixed preferences: whole batches, parts of them, adapters."""
    tokenizer = _toy_tokenizer()
    rng, preferences = np.random.default_rng(4), []
    for _ in range(13):
        chosen, rejected = (tuple(rng.integers(0, VOCABULARY - 1, int(n)).tolist()) for n in rng.integers(1, 4, 2))
        logs = (-3 * rng.random(2) - 1).tolist()
        preferences.append(Preference((0, int(rng.integers(1, 4))), (*chosen, END), rejected, *logs))
    whole = Train(
        mode="reset", beta=0.3, learning_rate=3e-3, epochs=2, batch_size=4, micro_batch_size=4, lora=None
    )
    lora = Lora(rank=2, alpha=8, dropout=0.0, targets="all-linear")
    found = {}
    for name, changes in {"whole": {}, "parts": {"micro_batch_size": 2}, "adapters": {"lora": lora}}.items():
        model, losses = train_dpo(
            toy_model(), tokenizer, preferences, whole.model_copy(update=changes), seed=2, round_=3
        )
        found[name] = {"losses": np.array(losses), "change": _weights(model) - _weights(toy_model())}
    return found


def _toy_tokenizer() -> Any:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {"<pad>": END, **{str(n): n for n in range(VOCABULARY - 1)}}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="0")), pad_token="<pad>", eos_token="<pad>"
    )


def _evaluation() -> Any:
    """Completions, wins, divergence and summary of a policy that has moved, by judges that are silent at times."""
    problem, found = _problem(), {}
    for temperature in (1.0, 0.6):
        config = worlds.small_params(evaluation={"prompts": 10, "temperature": temperature}).evaluation
        start = start_completions(problem, config, 2)
        evaluate = Evaluator(problem, config, Table(seed=2), Table("judge", seed=3), 2, start)
        of = evaluate(moved(problem.reference, 0.2))
        found[f"temperature {temperature:g}"] = {
            "start": [list(tokens) for tokens in start],
            "completions": [list(tokens) for tokens in of.completions],
            "oracle": of.oracle,
            "judge": of.judge,
            "kl": of.kl,
            "summary": summarise(of),
        }
    return found
