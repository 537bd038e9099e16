#!/usr/bin/python3
"""Turns a results directory into a report: `scripts/report.py RESULTS_DIR [--out DIR]`; see --help.

Debian's interpreter has the libraries (python3-matplotlib, python3-jinja2). Started with another Python that
lacks them, the script hands over to it.
"""

import os
import sys
from importlib.util import find_spec

SYSTEM_PYTHON = "/usr/bin/python3"


def choose_interpreter() -> None:
    """Returns if this Python has the libraries; else hands over to the system's, or says what to install."""
    missing = [name for name in ("matplotlib", "jinja2", "numpy") if find_spec(name) is None]
    if not missing:
        return
    if os.path.exists(SYSTEM_PYTHON) and not os.path.samefile(
        os.path.realpath(sys.executable), SYSTEM_PYTHON
    ):
        os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, *sys.argv])
    print(
        f"report: {sys.executable} lacks {', '.join(missing)}; "
        "apt-get install python3-matplotlib python3-jinja2",
        file=sys.stderr,
    )
    raise SystemExit(2)


if __name__ == "__main__":
    choose_interpreter()
    from bcbench_report.cli import main

    raise SystemExit(main())
