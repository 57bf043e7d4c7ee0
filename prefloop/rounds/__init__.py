"""Rounds of any workflow: the driver, what makes a run resumable, and the state that runs leave."""
