"""Depth: how much accuracy does each further layer, of twice the dilation below, add, and what does it cost?

Permuted MNIST with dilations 1, 2, 4, …, of two to nine layers; the quick scale reads squares of four pixels.
"""

from ..theory.dilations import exponential_dilations
from .plan import Choices, Contender, Experiment, compare_dilations
from .start import permuted_digits


def contenders(choices: Choices) -> list[Contender]:
    """Return one net per cell and number of layers."""
    task, training = permuted_digits(choices)
    variants = [(f"{layers} layers", exponential_dilations(layers), {"layers": layers}) for layers in range(2, 10)]
    return compare_dilations(choices, "permuted MNIST", task, variants, 20, training)


EXPERIMENT = Experiment(
    "depth",
    "Accuracy and time per step of dilated RNNs of two to nine layers, dilations 1, 2, 4, …, on permuted MNIST.",
    contenders,
    against="layers",
    seeds={"quick": 3, "full": 3},
)
