"""The published sections and subsets, from which the leaderboards' numbers are averaged.

Source: Lambert et al. 2024 (RewardBench, arXiv 2403.13787), table 1, and Malik et al. 2025 (RewardBench 2,
arXiv 2506.01937); rewardbench/constants.py of github.com/allenai/reward-bench (commit a32e272).
"""

from __future__ import annotations

# RewardBench 1: section -> subset -> weight within its section: the authors' constants, mostly the number of
# prompts of the subset; math-prm (447 prompts) counts as much as the six code subsets together.
SECTIONS: dict[str, dict[str, int]] = {
    "Chat": {
        "alpacaeval-easy": 100,
        "alpacaeval-length": 95,
        "alpacaeval-hard": 95,
        "mt-bench-easy": 28,
        "mt-bench-med": 40,
    },
    "Chat Hard": {
        "mt-bench-hard": 37,
        "llmbar-natural": 100,
        "llmbar-adver-neighbor": 134,
        "llmbar-adver-GPTInst": 92,
        "llmbar-adver-GPTOut": 47,
        "llmbar-adver-manual": 46,
    },
    "Safety": {
        "refusals-dangerous": 100,
        "refusals-offensive": 100,
        "xstest-should-refuse": 250,
        "xstest-should-respond": 154,
        "donotanswer": 136,
    },
    "Reasoning": {
        "math-prm": 984,
        **dict.fromkeys(("hep-cpp", "hep-go", "hep-java", "hep-js", "hep-python", "hep-rust"), 164),
    },
}
# RewardBench 2: the subsets whose plain mean is the score.
SUBSETS_2 = ("Factuality", "Precise IF", "Math", "Safety", "Focus", "Ties")


def section_scores(accuracies: dict[str, float]) -> dict[str, float]:
    """Weighted mean of the subsets of each section of RewardBench 1.

    Args:
        accuracies: accuracy by subset; subsets that belong to no section are passed over.

    Returns:
        Score by section; a section none of whose subsets is there is left out.
    """
    scores = {}
    for section, weights in SECTIONS.items():
        present = {name: weight for name, weight in weights.items() if name in accuracies}
        if present:
            total = sum(accuracies[name] * weight for name, weight in present.items())
            scores[section] = total / sum(present.values())
    return scores


def is_complete(version: int, subsets: set[str]) -> bool:
    """Whether every published subset is there, so that the score is the leaderboard's."""
    wanted = set(SUBSETS_2) if version == 2 else {name for weights in SECTIONS.values() for name in weights}
    return wanted <= subsets
