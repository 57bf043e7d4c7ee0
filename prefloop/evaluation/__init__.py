"""How good and how honest predictions are, on pairs whose answers are known."""
