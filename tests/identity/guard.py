"""Comparison of what a part gives with what is stored of it, and what to do where they differ."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefloop.io.hashing import text_id

STORED = Path(__file__).with_name("outputs.json")
STORE = "python -m tests.identity"
PURE, TRAINED = 1e-6, 1e-3
# A list of up to so many numbers, of so many words, or of lists with so many characters is stored as it is; of a
# longer one a beginning, and sums or a digest of all of it.
_WHOLE, _WORDS, _LONG = 24, 4, 400
_DIGITS = 9
_NOTHING = 1e-9


@dataclass(frozen=True)
class Probe:
    """What a part makes of a tiny fixed world.

    Attributes:
        outputs: gives them: dicts and lists of numbers, strings, arrays and tables.
        tolerance: largest difference of two floats, relative to the largest one of their list; all else is exact.
    """

    outputs: Callable[[], Any]
    tolerance: float = PURE


def reduced(value: Any) -> Any:
    """Outputs as JSON values: nine digits of a float, and of a long list a beginning and sums, or a digest."""
    if isinstance(value, Mapping):
        return {str(name): reduced(item) for name, item in value.items()}
    if isinstance(value, pa.Table):
        return reduced(value.to_pydict())
    if isinstance(value, np.ndarray):
        return _reduced_array(value)
    if isinstance(value, list | tuple | range):
        return _reduced_list(list(value))
    if isinstance(value, np.generic):
        return reduced(value.item())
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else str(value)
    assert value is None or isinstance(value, bool | int | str), type(value)
    return value


def _reduced_list(values: list[Any]) -> Any:
    kinds = {type(value) for value in values}
    if float in kinds and kinds <= {float, int, type(None)}:
        return _reduced_array(np.array(values, dtype=np.float64))
    if kinds <= {bool, int, str, type(None)} and len(values) > (_WORDS if str in kinds else _WHOLE):
        first = [value[:40] if isinstance(value, str) else value for value in values[:_WORDS]]
        return {"count": len(values), "first": first, "digest": text_id(json.dumps(values))}
    if list in kinds and _is_exact(values) and len(text := json.dumps(values)) > _LONG:
        return {"count": len(values), "first": reduced(values[0]), "digest": text_id(text)}
    return [reduced(value) for value in values]


def _is_exact(values: list[Any]) -> bool:
    """Whether there is no float in lists of lists."""
    return all(_is_exact(of) if isinstance(of, list) else isinstance(of, bool | int | str | None) for of in values)


def _reduced_array(values: np.ndarray) -> Any:
    if values.dtype.kind != "f":
        return _reduced_list(values.ravel().tolist())
    numbers = values.ravel().astype(np.float64)
    if len(numbers) <= _WHOLE:
        return [reduced(number) for number in numbers.tolist()]
    broken = ~np.isfinite(numbers)
    if broken.any():
        return {"broken": reduced(np.flatnonzero(broken)), "others": _reduced_array(numbers[~broken])}
    # Waves of frequencies that share no period: a change of any number, or of their order, shows.
    waves = np.cos(np.outer(np.sqrt([2.0, 3.0, 5.0, 7.0]), np.arange(1, len(numbers) + 1)))
    sums = waves @ numbers / math.sqrt(len(numbers))
    return {"count": len(numbers), "first": reduced(numbers[:6]), "sums": reduced(sums)}


def differences(stored: Any, got: Any, tolerance: float, at: str = "") -> Iterator[str]:
    """Where two reduced outputs differ, as `place: stored X, got Y`."""
    if isinstance(stored, dict) and isinstance(got, dict):
        for name in dict.fromkeys([*stored, *got]):
            place = f"{at}.{name}" if at else name
            if name in stored and name in got:
                yield from differences(stored[name], got[name], tolerance, place)
            else:
                yield f"{place}: stored {_shown(stored, name)}, got {_shown(got, name)}"
    elif isinstance(stored, list) and isinstance(got, list) and len(stored) == len(got):
        scale = max((abs(x) for x in (*stored, *got) if isinstance(x, float)), default=0.0)
        for row, (one, other) in enumerate(zip(stored, got, strict=True)):
            if isinstance(one, float) and isinstance(other, float):
                if abs(one - other) > max(tolerance * scale, _NOTHING):
                    yield f"{at}[{row}]: stored {one!r}, got {other!r}"
            else:
                yield from differences(one, other, tolerance, f"{at}[{row}]")
    elif isinstance(stored, float) and isinstance(got, float):
        if abs(stored - got) > max(tolerance * max(abs(stored), abs(got)), _NOTHING):
            yield f"{at}: stored {stored!r}, got {got!r}"
    elif stored != got or type(stored) is not type(got):
        yield f"{at}: stored {json.dumps(stored)[:200]}, got {json.dumps(got)[:200]}"


def _shown(outputs: dict[str, Any], name: str) -> str:
    return json.dumps(outputs[name])[:200] if name in outputs else "nothing"


def problem(part: str, version: int, probe: Probe, stored: Mapping[str, Any]) -> str | None:
    """What is wrong with a part, and the remedy; None where nothing is.

    Args:
        part: its name in versions.yaml.
        version: the declared one.
        probe: gives its outputs now.
        stored: content of outputs.json.
    """
    entry = stored.get(part)
    if entry is None:
        return f"{part}: no outputs are stored of it. Run `{STORE}`"
    if version < entry["version"]:
        return (
            f"{part}: version {version} is declared, but outputs of version {entry['version']} are stored: "
            "a version is never lowered, for finished rounds of the later one exist"
        )
    if version > entry["version"]:
        return (
            f"{part}: version {version} is declared, but outputs of version {entry['version']} are stored. "
            f"Run `{STORE}`"
        )
    found = list(differences(entry["outputs"], reduced(probe.outputs()), probe.tolerance))
    if not found:
        return None
    shown = "".join(f"\n  {line}" for line in found[:8]) + (f"\n  and {len(found) - 8} more" if found[8:] else "")
    return (
        f"{part}: its outputs have changed, its version ({version}) has not:{shown}\n"
        f"If the change is meant, raise {part} in prefloop/versions.yaml to {version + 1} and run `{STORE}`: "
        "finished rounds that used the part are then made anew. Otherwise it is a fault: mend it"
    )


def read_stored() -> dict[str, Any]:
    """Content of outputs.json: by part its version and its reduced outputs."""
    content: dict[str, Any] = json.loads(STORED.read_text(encoding="utf-8")) if STORED.is_file() else {}
    return content


def write_stored(stored: Mapping[str, Any]) -> None:
    """Write outputs.json, a line for each part."""
    lines = (f"{json.dumps(part)}: {json.dumps(entry, separators=(',', ':'))}" for part, entry in stored.items())
    STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def store(versions: Mapping[str, int], probes: Mapping[str, Probe]) -> tuple[list[str], list[str]]:
    """Store the outputs of parts that are new or whose version was raised; nothing, if any other part has changed.

    Args:
        versions: declared ones by part.
        probes: one of each part.

    Returns:
        The parts that were stored, and what is wrong with others.
    """
    stored = read_stored()
    wanted = [part for part, version in versions.items() if version > stored.get(part, {"version": 0})["version"]]
    wrong = [
        told
        for part, version in versions.items()
        if part not in wanted and (told := problem(part, version, probes[part], stored))
    ]
    if wrong:
        return [], wrong
    kept = {
        part: {"version": version, "outputs": reduced(probes[part].outputs())} if part in wanted else stored[part]
        for part, version in versions.items()
    }
    if kept != stored:
        write_stored(kept)
    return wanted, []
