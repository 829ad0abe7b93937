"""Rebuilds the notebooks from their sources: ``python tutorials/build.py``, or with names to build only some.

The source of a tutorial is the percent-format ``.py`` file; the notebook beside it is the same text, executed, with its
pictures. Nothing in a notebook is written by hand.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def sources() -> list[Path]:
    """Return the tutorials in reading order."""
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


def build(source: Path) -> float:
    """Execute a tutorial, write its notebook, and return the seconds it took."""
    import jupytext
    from nbclient import NotebookClient

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # products this small only suffer from more

    notebook = jupytext.read(source)
    start = time.perf_counter()
    NotebookClient(notebook, timeout=1200, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}).execute()
    seconds = time.perf_counter() - start
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number}", {}  # nothing that changes from build to build
    jupytext.write(notebook, source.with_suffix(".ipynb"))
    return seconds


def main(names: list[str]) -> None:
    """Build the tutorials whose names begin with one of the given words; all of them where none is given."""
    for source in sources():
        if not names or source.name.startswith(tuple(names)):
            print(f"{source.stem}: {build(source):.1f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
