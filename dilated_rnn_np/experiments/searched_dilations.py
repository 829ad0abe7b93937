"""Searched dilations: does a net learn faster if its paths through time are shorter than those of the powers of two?

``search.search_dilations`` finds sets of dilations with fewer hops over a period than as many powers of two; copy memory with
a blank of about twice the period tests whether that helps.
"""

from ..tasks import CopyMemory
from ..theory.dilations import exponential_dilations
from ..theory.search import mean_hops, search_dilations
from .driver import Training
from .plan import Choices, Contender, Experiment, Variant, compare_dilations


def contenders(choices: Choices) -> list[Contender]:
    """Return both sets of dilations for each cell."""
    layers, T = (6, 60) if choices.quick else (9, 500)
    training = Training(1000, batch_size=32, lr=1e-2, validate_every=25) if choices.quick else Training(10_000)
    return compare_dilations(choices, f"T = {T}", CopyMemory(T), both_sets(layers), 10, training)


def both_sets(layers: int) -> list[Variant]:
    """Return the powers of two and the searched dilations, with their mean number of hops over the largest power."""
    period = 2 ** (layers - 1)
    sets = {"powers of two": exponential_dilations(layers), "searched": search_dilations(layers, period)}
    return [
        (label, dilations, {"dilations": " ".join(map(str, dilations)), "mean hops": mean_hops(dilations, period)})
        for label, dilations in sets.items()
    ]


EXPERIMENT = Experiment(
    "searched-dilations",
    "Copy memory with dilations whose mean number of hops over a period is lower than that of as many powers of two.",
    contenders,
    columns=("loss", "metric", "halved"),
    seeds={"quick": 5, "full": 5},
)
