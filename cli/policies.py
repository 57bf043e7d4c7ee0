"""`prefloop policies`: what can be chosen from."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from cli._common import DEFAULT_PARAMS, AsJson, ParamsFile, load, print_json, print_table

if TYPE_CHECKING:
    from pydantic import BaseModel

# They choose nothing themselves, unless a prompt's limit makes them.
_LISTED = {
    "given": "All listed pairs; below a limit per prompt, one of them at random.",
    "auto": "given where pairs are listed, random where there are only responses.",
}


def policies(params: ParamsFile = DEFAULT_PARAMS, as_json: AsJson = False) -> None:
    """List pair rules and batch policies, what they choose and where they come from, and the named policies.

    Example: prefloop policies --json
    """

    from prefloop.acquisition.registry import BATCH_POLICIES, ORACLE_UPPER_BOUNDS, PAIR_RULES
    from prefloop.config import packaged_params

    outside = params == DEFAULT_PARAMS and not params.is_file()
    named = load(packaged_params() if outside else params).policies
    batches = {name: _describe(inspect.getdoc(policy.choose) or "") for name, policy in BATCH_POLICIES.items()}
    rules = {name: _describe(inspect.getdoc(rule.choose) or "") for name, rule in PAIR_RULES.items()}
    rules |= {
        name: {"chooses": text, "source": "Melo et al. 2024, listed pairs."} for name, text in _LISTED.items()
    }
    if as_json:
        uses = {name: policy.model_dump(mode="json") for name, policy in named.items()}
        bounds = sorted(ORACLE_UPPER_BOUNDS)
        print_json(
            {"pair_rules": rules, "oracle_upper_bounds": bounds, "batch_policies": batches, "named_policies": uses}
        )
        return
    for title, described in (("Pair rules", rules), ("Batch policies", batches)):
        rows = [[name, text["chooses"], text["source"]] for name, text in described.items()]
        print_table(title, ["name", "chooses", "source"], rows)
    uses_rows = [
        [name, _text(policy.pairs, "rule"), str(policy.pairs.per_prompt), _text(policy.batch, "policy")]
        for name, policy in named.items()
    ]
    print_table(f"Named policies of {params}", ["name", "pair rule", "per prompt", "batch policy"], uses_rows)


def _text(section: BaseModel, name: str) -> str:
    values = section.model_dump()
    rest = ", ".join(f"{key} {value}" for key, value in values.items() if key not in (name, "per_prompt"))
    return f"{values[name]}" + (f" ({rest})" if rest else "")


def _describe(docstring: str) -> dict[str, str]:
    text, _, source = docstring.partition("Source:")
    return {"chooses": text.strip().split("\n\n")[0].replace("\n", " "), "source": " ".join(source.split())}
