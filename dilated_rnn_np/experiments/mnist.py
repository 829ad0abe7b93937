"""Pixel MNIST: a digit is read pixel by pixel, row after row or in one fixed random order, and named after the last one.

Chang et al. 2017, section 4.2: nine layers of twenty units, dilations 1 to 256. The quick scale reads squares of four pixels.
"""

from ..tasks import Digits, Task
from ..tasks.small_digits import SmallDigits
from ..theory.dilations import exponential_dilations
from .plan import Choices, Contender, Experiment, Training, compare_systems


def contenders(choices: Choices) -> list[Contender]:
    """Return all systems, on both orders of the pixels."""
    rows = []
    for permuted in (False, True):
        task: Task
        cells: tuple[str, ...]
        if choices.quick:
            task, layers = SmallDigits(permuted, data_dir=choices.data_dir), 7
            training, cells = Training(120, batch_size=32, validate_every=20), ("rnn",)
        else:
            task, layers = Digits(permuted, data_dir=choices.data_dir), 9
            epoch = task.steps_per_epoch(128)
            training, cells = Training(20 * epoch, validate_every=epoch), ("rnn", "lstm", "gru")
        setting = "permuted" if permuted else "unpermuted"
        rows += compare_systems(choices, setting, task, exponential_dilations(layers), 20, training, cells)
    return rows


EXPERIMENT = Experiment(
    "mnist",
    "Digits read pixel by pixel, in their order and in one fixed random order.",
    contenders,
    curves=(("step", "loss"), ("step", "metric"), ("seconds", "loss"), ("seconds", "metric")),
    compares_systems=True,
)
