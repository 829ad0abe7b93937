"""``python -m dilated_rnn_np``: the same command line as ``dilated-rnn``."""

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
