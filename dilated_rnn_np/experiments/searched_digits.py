"""Searched dilations on permuted digits: are nets with shorter paths through time also more accurate?

The sets of dilations are those of ``searched_dilations``. The training is that of ``mnist`` at full scale; the quick scale
reads squares of four pixels.
"""

from ..tasks import Digits
from ..tasks.small_digits import SmallDigits
from .driver import Training
from .mnist import DROPOUT, full_training
from .plan import Choices, Contender, Experiment, compare_dilations
from .searched_dilations import both_sets


def contenders(choices: Choices) -> list[Contender]:
    """Return both sets of dilations for each cell."""
    if choices.quick:
        task, training = SmallDigits(True, data_dir=choices.data_dir), Training(150, batch_size=32, validate_every=25)
        return compare_dilations(choices, "permuted", task, both_sets(7), 20, training)
    digits = Digits(True, data_dir=choices.data_dir)
    return compare_dilations(choices, "permuted", digits, both_sets(9), 20, full_training(digits), DROPOUT)


EXPERIMENT = Experiment(
    "searched-digits",
    "Permuted digits with dilations of fewer hops over a period than that of as many powers of two.",
    contenders,
    seeds={"quick": 3, "full": 3},
)
