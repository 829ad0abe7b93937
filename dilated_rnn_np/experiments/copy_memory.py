"""Copy memory: which systems recall ten symbols across a long blank, after how many steps and how many seconds?

Chang et al. 2017, section 4.1, at T = 500 and 1,000, with nets of ten units per layer; the dilations reach across T.
"""

from ..tasks import CopyMemory
from ..theory.dilations import exponential_dilations
from .driver import Training
from .plan import Choices, Contender, Experiment, compare_systems


def contenders(choices: Choices) -> list[Contender]:
    """Return all systems and cells at two T, or at a single small one."""
    rows = []
    for T in (32,) if choices.quick else (500, 1000):
        training = Training(500, batch_size=32, lr=1e-2, validate_every=25) if choices.quick else Training(10_000)
        dilations = exponential_dilations(T.bit_length())  # T = 500: 1, 2, …, 256
        rows += compare_systems(choices, f"T = {T:,}", CopyMemory(T), dilations, 10, training)
    return rows


EXPERIMENT = Experiment(
    "copy-memory",
    "Recall of ten symbols after T blank steps: all systems and cells, against steps and against seconds.",
    contenders,
    columns=("loss", "metric", "halved"),
    curves=(("step", "loss"), ("seconds", "loss"), ("step", "metric"), ("seconds", "metric")),
    compares_systems=True,
)
