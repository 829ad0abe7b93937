"""Pixel MNIST: the net reads a digit pixel by pixel, row after row or in one fixed random order, and then classifies it.

Chang et al. 2017, section 4.2: nine layers of twenty units, dilations 1 to 256. At full scale the nets train for 40 epochs
with dropout between the layers, and the average of the weights is tested. The quick scale reads squares of four pixels.
"""

from ..tasks import Digits
from ..tasks.small_digits import SmallDigits
from ..theory.dilations import exponential_dilations
from .driver import Training
from .plan import Choices, Contender, Experiment, compare_systems

DROPOUT = 0.1  # at full scale


def contenders(choices: Choices) -> list[Contender]:
    """Return all systems, on both orders of the pixels."""
    task = SmallDigits if choices.quick else Digits
    rows = compare_on_digits(choices, "unpermuted", task(False, data_dir=choices.data_dir))
    return rows + compare_on_digits(choices, "permuted", task(True, data_dir=choices.data_dir))


def compare_on_digits(choices: Choices, setting: str, task: Digits | SmallDigits) -> list[Contender]:
    """Return all systems on one task of digits, with the depth and the training of the scale."""
    if choices.quick:
        layers, cells, training = 7, ["rnn"], Training(120, batch_size=32, validate_every=20)
        return compare_systems(choices, setting, task, exponential_dilations(layers), 20, training, cells)
    dilations, training = exponential_dilations(9), full_training(task)
    return compare_systems(choices, setting, task, dilations, 20, training, ["rnn", "lstm", "gru"], dropout=DROPOUT)


def full_training(task: Digits | SmallDigits) -> Training:
    """Return the training of the full scale: 40 epochs, validated twice per epoch."""
    epoch = task.steps_per_epoch(128)
    return Training(40 * epoch, validate_every=epoch // 2, average=0.999)


EXPERIMENT = Experiment(
    "mnist",
    "Digits read pixel by pixel, in their order and in one fixed random order.",
    contenders,
    curves=(("step", "loss"), ("step", "metric"), ("seconds", "loss"), ("seconds", "metric")),
    compares_systems=True,
)
