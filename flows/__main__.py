"""`python -m flows` is `pixelmint`."""

from flows.cli import main

main()
