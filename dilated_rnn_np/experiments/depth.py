"""Depth: what is each further layer, whose dilation is twice the one below, worth, and what does it cost?

Permuted MNIST with dilations 1, 2, 4, …, of two to nine layers; the quick scale reads squares of four pixels.
"""

from ..theory.dilations import exponential_dilations
from .plan import Choices, Contender, Experiment, net
from .start import permuted_digits


def contenders(choices: Choices) -> list[Contender]:
    """Return one net for each cell and each number of layers."""
    task, training = permuted_digits(choices)
    rows = []
    for style, cell in enumerate(choices.cells or (("rnn",) if choices.quick else ("rnn", "gru"))):
        for layers in range(2, 10):
            build = net(choices, task, exponential_dilations(layers), 20, cell=cell)
            look, facts = (layers - 2, style), {"layers": layers}
            label = f"{cell}, {layers} layers"
            rows.append(Contender("permuted MNIST", label, task, build, training, facts, look, series=cell))
    return rows


EXPERIMENT = Experiment(
    "depth",
    "Accuracy and time per step of dilated RNNs of two to nine layers, dilations 1, 2, 4, …, on permuted MNIST.",
    contenders,
    against="layers",
    seeds={"quick": 3, "full": 3},
)
