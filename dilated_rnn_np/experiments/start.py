"""First dilation: how much accuracy is lost, and how much time saved, if a fusion layer replaces the lowest layers?

Permuted MNIST with dilations M, 2M, … up to a fixed largest one: 256, or 64 at the quick scale, which reads squares of four
pixels. With M > 1 steps of different remainders modulo M never meet; the fusion layer over M steps brings them together
(Chang et al. 2017, section 2.2).
"""

from ..tasks import Digits, Task
from ..tasks.small_digits import SmallDigits
from ..theory.dilations import exponential_dilations
from .driver import Training
from .plan import Choices, Contender, Experiment, compare_dilations


def permuted_digits(choices: Choices) -> tuple[Task, Training]:
    """Return the task and the training that this experiment and ``depth`` share."""
    if choices.quick:
        return SmallDigits(True, data_dir=choices.data_dir), Training(150, batch_size=32, validate_every=25)
    task = Digits(True, data_dir=choices.data_dir)
    epoch = task.steps_per_epoch(128)
    return task, Training(10 * epoch, validate_every=epoch)


def contenders(choices: Choices) -> list[Contender]:
    """Return one net per cell and first dilation."""
    task, training = permuted_digits(choices)
    layers = 7 if choices.quick else 9
    variants = []
    for start in range(layers - 1):
        dilations = exponential_dilations(layers - start, start=start)
        facts = {"first dilation": dilations[0], "layers": len(dilations)}
        variants.append((f"from {dilations[0]}", dilations, facts))
    return compare_dilations(choices, "permuted MNIST", task, variants, 20, training)


EXPERIMENT = Experiment(
    "start",
    "Accuracy and time per step of dilated RNNs whose dilations start at 1, 2, 4, …, with a fusion layer, on permuted MNIST.",
    contenders,
    against="first dilation",
    seeds={"quick": 3, "full": 3},
)
