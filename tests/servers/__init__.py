"""Servers that the stores are tried on: real where they can be had, else ours. Loopback only."""
