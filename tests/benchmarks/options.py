"""Options that both commands share, and their types; error messages say what was expected."""

import argparse
from pathlib import Path

from benchmarks.cases import CELLS
from benchmarks.machine import cores
from benchmarks.rounds import REST


def add_common(parser, sizes, output):
    """Add the options of both commands."""
    parser.add_argument("--cells", type=several(CELLS), default=list(CELLS), help="default: all")
    parser.add_argument("--sizes", type=several(sizes), help="hidden sizes; default: all, with --quick 20")
    parser.add_argument("--rounds", type=whole_number(), help="turns of each contender; default: 7, with --quick 1")
    parser.add_argument(
        "--threads", type=whole_number(cores()), default=cores(), help="cores per contender; default: %(default)s"
    )
    parser.add_argument("--output", type=Path, default=Path(output), help="raw times; default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="small cases, one round: shows that the benchmark works")


def read_common(parser, arguments, sizes):
    """Parse all options, and fill in the defaults that depend on others."""
    options = parser.parse_args(arguments)
    if not options.output.absolute().parent.is_dir() or options.output.is_dir():
        parser.error(f"argument --output: expected a file in a folder that exists, got {options.output}")
    options.sizes = options.sizes or (["20"] if options.quick else list(sizes))
    options.rest = 0 if options.quick else REST
    options.rounds = options.rounds or (1 if options.quick else 7)
    return options


def several(allowed):
    """The type of one or more of the allowed words, separated by commas."""

    def read(text):
        words = text.split(",")
        if not set(words) <= set(allowed):
            raise argparse.ArgumentTypeError(
                f"expected one or more of {', '.join(allowed)}, separated by commas, got {text!r}"
            )
        return [word for word in allowed if word in words]

    return read


def whole_number(most=None):
    """The type of a whole number from 1 up, or to ``most``, the number of cores."""

    def read(text):
        if not text.isdecimal() or int(text) < 1 or (most and int(text) > most):
            upper = f"to {most}, the number of cores" if most else "up"
            raise argparse.ArgumentTypeError(f"expected a whole number from 1 {upper}, got {text!r}")
        return int(text)

    return read
