"""Start the benchmark: ``python tests/benchmarks --help``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the folder of the package benchmarks
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the folder of the library that is measured

from benchmarks.command import main

if __name__ == "__main__":
    sys.exit(main())
