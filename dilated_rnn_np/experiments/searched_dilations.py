"""Searched dilations: does a net learn faster whose paths through time are shorter than those of the powers of two?

``search.search_dilations`` finds sets of dilations with fewer hops over a period than 1, 2, 4, … of as many layers; copy memory
with a blank of about twice the period asks whether that helps. The table says what was seen, whichever way it goes.
"""

from ..tasks import CopyMemory
from ..theory.dilations import exponential_dilations
from ..theory.search import mean_hops, search_dilations
from .plan import Choices, Contender, Experiment, Training, net


def contenders(choices: Choices) -> list[Contender]:
    """Return both sets of dilations for each cell."""
    layers, T = (6, 60) if choices.quick else (9, 500)
    period = 2 ** (layers - 1)
    task = CopyMemory(T)
    training = Training(1000, batch_size=32, lr=1e-2, validate_every=25) if choices.quick else Training(10_000)
    sets = {"powers of two": exponential_dilations(layers), "searched": search_dilations(layers, period)}
    rows = []
    for style, cell in enumerate(choices.cells or (("rnn",) if choices.quick else ("rnn", "gru"))):
        for colour, (label, dilations) in enumerate(sets.items()):
            build = net(choices, task, dilations, 10, cell=cell)
            facts = {"dilations": " ".join(map(str, dilations)), "mean hops": mean_hops(dilations, period)}
            rows.append(Contender(f"T = {T}", f"{cell}, {label}", task, build, training, facts, (colour, style)))
    return rows


EXPERIMENT = Experiment(
    "searched-dilations",
    "Copy memory with dilations whose mean number of hops over a period is lower than that of as many powers of two.",
    contenders,
    columns=("loss", "metric", "halved"),
    seeds={"quick": 5, "full": 5},
)
