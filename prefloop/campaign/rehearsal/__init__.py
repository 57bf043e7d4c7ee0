"""Rehearsal of a campaign: simulated people before the real server, in a copy of the campaign."""
