"""Noisy MNIST: hundreds of steps of noise follow the pixels, and the net has to remember the digit across them.

Chang et al. 2017, section 4.2: the digits padded to 1,000 and to 2,000 steps. The quick scale reads squares of sixteen pixels,
49 steps, and pads them to 100 and 200.
"""

from ..tasks import Digits
from ..tasks.small_digits import SmallDigits
from .mnist import compare_on_digits
from .plan import Choices, Contender, Experiment


def contenders(choices: Choices) -> list[Contender]:
    """Return all systems, at two lengths."""
    rows = []
    for length in (100, 200) if choices.quick else (1000, 2000):
        task: Digits | SmallDigits
        if choices.quick:
            task = SmallDigits(block=4, noise=length - 49, data_dir=choices.data_dir)
        else:
            task = Digits(length=length, data_dir=choices.data_dir)
        rows += compare_on_digits(choices, f"T = {length:,}", task)
    return rows


EXPERIMENT = Experiment(
    "noisy-mnist",
    "Digits read pixel by pixel and followed by noise, up to T steps.",
    contenders,
    compares_systems=True,
)
