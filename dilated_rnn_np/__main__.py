"""``python -m dilated_rnn_np``: the same command line as ``dilated-rnn``."""

import sys

from .cli.start import start

if __name__ == "__main__":
    sys.exit(start())
