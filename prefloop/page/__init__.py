"""Page: what annotators and the lead of a campaign see in a browser, and the JSON interface behind it."""
