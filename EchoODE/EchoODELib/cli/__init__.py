"""The command line: ``echoode``."""

from .app import app, main

__all__ = ["app", "main"]
