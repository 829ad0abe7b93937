"""The experiments: each a short description in a file of its own, run, resumed and reported by the same harness.

``python -m dilated_rnn_np experiment NAME`` writes a folder with a table, curves and a record of how they were made.
"""

from . import characters, copy_memory, depth, mnist, noisy_mnist, searched_dilations, speech, start
from .plan import Choices, Contender, Experiment, Training

EXPERIMENTS = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (copy_memory, mnist, noisy_mnist, characters, speech, depth, start, searched_dilations)
}

__all__ = ["EXPERIMENTS", "Choices", "Contender", "Experiment", "Training"]
