"""Products that are given a token: each does what `base` says, and is named by its URL."""
