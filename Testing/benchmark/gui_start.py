"""Starts the host with the module once and prints what it took as JSON; ``scripts/benchmark gui`` runs it."""

from __future__ import annotations

import json

from .gui_window import Window

if __name__ == "__main__":
    window = Window()
    print(json.dumps({"import": window.import_s, "setup": window.setup_s}), flush=True)
