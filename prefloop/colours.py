"""Colour and line of every policy, by its name alone: the same in every picture."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32


@dataclass(frozen=True)
class Line:
    """Colour and dashes of a line: lengths of ink and gap in units of its width, none where it is unbroken."""

    colour: str
    dashes: tuple[float, ...]


# What needs no model is black, grey or blue, so that the eye finds it in every picture.
_BASELINES = {
    "random": Line("#000000", ()),
    "random_control": Line("#8C8C8C", (2, 1.2)),
    "random_compute_matched": Line("#8C8C8C", (2, 1.2)),
    "random_prompts": Line("#6B6B6B", (5, 1.5)),
    "random_pair": Line("#6B6B6B", (1.5, 1.2)),
    "thinned": Line("#0072B2", ()),
}

# For colour-blind readers: Okabe and Ito's colours without black, blue and the faint yellow, then two of Tol's.
_COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#999933")
_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 1.5), (1.5, 1.2), (6, 1.5, 1.5, 1.5), (9, 2))

# In the order of the parameter files. A new policy has a colour by its name, which another may share; for one of
# its own it comes last here, so that no other changes its colour.
_OTHERS = (
    *("thinned_power", "entropy", "variance", "bald", "softmax_bald", "softrank_bald", "power_bald"),
    *(
        "power_bald_published",
        "prompt_entropy",
        "bal_pm",
        "bal_pm_kl",
        "bal_pm_published",
        "k_centre",
        "d_optimal",
    ),
    *("ultrafeedback", "maxmin", "fixed_pair", "longest", "infomax", "dts", "infogain"),
    *("maxminlcb", "rucb", "drts", "deltaucb", "deltaquantile", "greedy", "shuffled_sigma"),
    *("drts_bal_pm", "deltaucb_bal_pm"),
)

# Those of active DPO stand in pictures of their own: places again from 0, but for those of entropy and d_optimal.
_ALIGN = {"hybrid": 0, "certainty": 2, "least_certain": 3, "offline": 4, "diverse_certainty": 5}


# Each turn of the colours has its own shade, mixed with black (below 0) or white, and its own dashes.
_SHADES = (0.0, -0.35, 0.2, -0.55, -0.2)


def _of_place(place: int) -> Line:
    turn, column = divmod(place, len(_COLOURS))
    return Line(_mixed(_COLOURS[column], _SHADES[turn % len(_SHADES)]), _DASHES[turn % len(_DASHES)])


def _mixed(colour: str, share: float) -> str:
    """A colour with a share of black (below 0) or white (above)."""
    goal, amount = (255, share) if share > 0 else (0, -share)
    channels = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(channel + amount * (goal - channel)):02X}" for channel in channels)


LINES = {
    **_BASELINES,
    **{name: _of_place(place) for place, name in enumerate(_OTHERS)},
    **{name: _of_place(place) for name, place in _ALIGN.items()},
}


def line_of(policy: str) -> Line:
    """The line of a policy; one that is not known here gets a place by its name, which others may share."""
    return LINES.get(policy) or _of_place(crc32(policy.encode()) % (len(_COLOURS) * len(_DASHES)))
