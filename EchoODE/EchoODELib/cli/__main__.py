"""``python -m EchoODELib.cli``."""

from . import main

main()
