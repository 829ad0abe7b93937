"""Characters: how many bits per character of an unseen text does each system need, and what text does it generate?

Tiny Shakespeare by truncated backpropagation, the state carried from window to window. Chang et al. 2017, section 4.3, use the
Penn Treebank: ``--corpus ptb``.
"""

from functools import partial

from ..nets.network import Network
from ..tasks import Characters, generate
from ..theory.dilations import exponential_dilations
from .driver import Training
from .plan import Choices, Contender, Experiment, compare_systems

TITLES = {"shakespeare": "Tiny Shakespeare", "ptb": "Penn Treebank"}


def contenders(choices: Choices) -> list[Contender]:
    """Return all systems; each generates a sample after training."""
    corpus = choices.corpus or "shakespeare"
    if choices.quick:
        task, layers, hidden = Characters(corpus, window=50, data_dir=choices.data_dir), 3, 32
        training = Training(400, batch_size=32, lr=1e-2, validate_every=50, optimizer="adam")
    else:
        task, layers, hidden = Characters(corpus, window=100, data_dir=choices.data_dir), 5, 256
        training = Training(10_000, batch_size=64, lr=2e-3, validate_every=500, optimizer="adam")
    after = partial(sample, task=task)
    dilations = exponential_dilations(layers)
    return compare_systems(choices, TITLES[corpus], task, dilations, hidden, training, ("gru",), after)


def sample(model: Network, task: Characters) -> str:
    """Return 300 characters that a trained net generates after the end of a line."""
    return generate(model, task, prompt="\n", length=300, temperature=0.7)


EXPERIMENT = Experiment(
    "characters",
    "Bits per character of a language model, and a sample of generated text.",
    contenders,
    columns=("metric",),
    curves=(("step", "metric"), ("seconds", "metric")),
    compares_systems=True,
    takes=("corpus",),
)
