"""Parts of acquisition scores, from log-probabilities of whole completions: pure arrays.

Axis letters: Q prompts, n samples of each. A completion's log-probability is the sum over its tokens,
the end token included, never divided by the length.
"""

from __future__ import annotations

import numpy as np


def predictive_entropy(log_policy: np.ndarray) -> np.ndarray:
    """Entropy of the policy's completions, estimated from samples: H(x) = -(1/n) sum_i log pi(y_i | x).

    Args:
        log_policy: float64 [Q, n], log pi of samples drawn at temperature 1, nats.

    Returns:
        float64 [Q], nats per completion; large where the policy has many things to say.

    Source: Muldrew et al. 2024 (APL, arXiv 2402.08114), predictive entropy.
    """
    return -np.asarray(log_policy, dtype=np.float64).mean(axis=1)


def implicit_reward(log_policy: np.ndarray, log_reference: np.ndarray, beta: float) -> np.ndarray:
    """DPO's implicit reward beta (log pi(y | x) - log pi_ref(y | x)), up to a constant per prompt.

    Args:
        log_policy, log_reference: float64 [...], nats.
        beta: DPO's beta, > 0.

    Source: Rafailov et al. 2023 (arXiv 2305.18290), section 4.
    """
    return beta * (np.asarray(log_policy, dtype=np.float64) - log_reference)


def certainty(rewards_a: np.ndarray, rewards_b: np.ndarray) -> np.ndarray:
    """How sure the implicit reward is of a pair: |r_a - r_b|, float64 [Q]; the same for either order.

    Any beta gives the same ranking. In the first round the policy is the reference, so all are 0.

    Source: Muldrew et al. 2024, preference certainty.
    """
    return np.abs(np.asarray(rewards_a, dtype=np.float64) - rewards_b)
