"""``python -m Testing.benchmark NAME``: run one benchmark; ``scripts/benchmark`` does it with its environment."""

from __future__ import annotations

import runpy
import sys
from importlib.util import find_spec

#: Each benchmark's name and the module that runs it.
COMMANDS = {
    "ef": "Testing.benchmark.ef",
    "ef-map": "Testing.benchmark.ef_map",
    "ef-parts": "Testing.benchmark.ef_parts",
    "ef-step": "Testing.benchmark.ef_step",
    "batch": "Testing.benchmark.batch",
    "gui": "Testing.benchmark.gui",
    "live": "Testing.benchmark.live",
    "models": "Testing.benchmark.models",
    "peers": "Testing.benchmark.networks",
    "registration": "Testing.benchmark.registration",
    "temporal": "Testing.benchmark.temporal",
    "views": "Testing.benchmark.views",
}


def main() -> None:
    """Hand over to the benchmark that the first argument names."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in COMMANDS:
        print(f"scripts/benchmark {{{' | '.join(COMMANDS)}}} [--help]", file=sys.stderr)
        sys.exit(0 if name in ("-h", "--help") else 2)
    module = COMMANDS[name]
    if find_spec(module) is None:
        print(f"The {name} benchmark is not part of this installation ({module} is missing).", file=sys.stderr)
        sys.exit(2)
    sys.argv = [f"scripts/benchmark {name}", *sys.argv[2:]]
    runpy.run_module(module, run_name="__main__", alter_sys=False)


if __name__ == "__main__":
    main()
