"""Noisy MNIST: after the pixels come hundreds of steps of noise, across which the digit has to be remembered.

Chang et al. 2017, section 4.2: the digits padded to 1,000 and to 2,000 steps. The quick scale reads squares of sixteen pixels,
49 steps, and pads them to 100 and 200.
"""

from ..tasks import Digits, Task
from ..tasks.small_digits import SmallDigits
from ..theory.dilations import exponential_dilations
from .plan import Choices, Contender, Experiment, Training, compare_systems


def contenders(choices: Choices) -> list[Contender]:
    """Return all systems, at two lengths."""
    rows = []
    for length in (100, 200) if choices.quick else (1000, 2000):
        task: Task
        cells: tuple[str, ...]
        if choices.quick:
            task, layers = SmallDigits(block=4, noise=length - 49, data_dir=choices.data_dir), 7
            training, cells = Training(120, batch_size=32, validate_every=20), ("rnn",)
        else:
            task, layers = Digits(length=length, data_dir=choices.data_dir), 9
            epoch = task.steps_per_epoch(128)
            training, cells = Training(20 * epoch, validate_every=epoch), ("rnn", "lstm", "gru")
        setting = f"T = {length:,}"
        rows += compare_systems(choices, setting, task, exponential_dilations(layers), 20, training, cells)
    return rows


EXPERIMENT = Experiment(
    "noisy-mnist",
    "Digits read pixel by pixel and followed by noise, up to T steps.",
    contenders,
    compares_systems=True,
)
