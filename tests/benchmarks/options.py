"""What the options of the benchmark's commands share: each refuses what is wrong with a sentence of what was expected."""

import argparse


def several(allowed):
    """One or more of the allowed words, separated by commas."""

    def read(text):
        words = text.split(",")
        if not set(words) <= set(allowed):
            raise argparse.ArgumentTypeError(
                f"expected one or more of {', '.join(allowed)}, separated by commas, got {text!r}"
            )
        return [word for word in allowed if word in words]

    return read


def whole_number(most=None):
    """A whole number from 1."""

    def read(text):
        if not text.isdecimal() or int(text) < 1 or (most and int(text) > most):
            upper = f"to {most}, the cores that there are" if most else "up"
            raise argparse.ArgumentTypeError(f"expected a whole number from 1 {upper}, got {text!r}")
        return int(text)

    return read


def checked_output(parser, path):
    """Refuse a file that could not be written, before anything is measured."""
    if not path.absolute().parent.is_dir() or path.is_dir():
        parser.error(f"argument --output: expected a file in a folder that exists, got {path}")
