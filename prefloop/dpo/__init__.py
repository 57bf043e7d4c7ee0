"""Active DPO (APL/APO): the policy writes its own completions and chooses which to have compared."""
