"""What takes too long for the suite: each is run by hand with `python -m tests.benchmarks.NAME`."""
