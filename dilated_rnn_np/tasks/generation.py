"""Text generation: a character model reads a prompt, then each drawn character becomes its next input."""

from __future__ import annotations

import math

import numpy as np

from ..arrays.backend import to_host
from ..arrays.checks import positive_integer, real
from ..arrays.streams import checked_rng
from ..nets.network import Network
from .characters import Characters
from .vocabulary import Vocabulary


def generate(
    model: Network,
    task: Characters | Vocabulary,
    prompt: str = "\n",
    length: int = 500,
    temperature: float = 1.0,
    rng: int | np.random.Generator = 0,
) -> str:
    """Return the ``length`` characters that a trained model generates after a prompt.

    Parameters
    ----------
    model : with readout "all" and one output per character. task : the task it was trained on, or only its vocabulary.
    prompt : text that the model reads first, at least one character.
    temperature : divides the logits: below 1 favours likely characters, above 1 unlikely ones; at 0 each character is the
        most likely one.
    rng : a seed or Generator; characters are drawn on the host.

    Raises
    ------
    ValueError or TypeError : for a model of another vocabulary or readout, an empty prompt, or an argument out of range.

    Examples
    --------
    >>> from dilated_rnn_np import DilatedRNN
    >>> task = Characters(text="to be or not to be, " * 20)
    >>> model = DilatedRNN(task.input_size, 8, [1, 2], output_size=task.output_size, readout="all")
    >>> len(generate(model, task, "to be", length=7))
    7
    """
    length, rng = positive_integer("length", length), checked_rng("rng", rng, "sampling")
    temperature = real("temperature", temperature)
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature must be a finite number of at least 0, got {temperature}")
    known = task if isinstance(task, Vocabulary) else Vocabulary(task.vocabulary)
    if (model.input_size, model.output_size, model.readout) != (len(known), len(known), "all"):
        raise ValueError(
            f"model must read and predict each of the task's {len(known)} characters, readout 'all', got {model}"
        )
    if not prompt:
        raise ValueError("prompt must hold at least one character for the model to begin with, got an empty text")
    one_hot = np.eye(len(known), dtype=model.dtype)
    state, drawn = None, []
    for code in known.encode(prompt, "prompt"):
        logits, state = model.step(model.xp.asarray(one_hot[[code]]), state)  # (1, V)
    for _ in range(length):
        drawn.append(_draw(to_host(logits)[0].astype(np.float64), temperature, rng))
        logits, state = model.step(model.xp.asarray(one_hot[[drawn[-1]]]), state)
    return known.decode(drawn)


def _draw(logits: np.ndarray, temperature: float, rng: np.random.Generator) -> int:
    """Return a class drawn from ``softmax(logits / temperature)``; at temperature 0 the class of the largest logit."""
    if temperature == 0:
        return int(logits.argmax())
    with np.errstate(over="ignore"):  # near 0 the exponents overflow to -inf, and exp(-inf) = 0 is right
        weights = np.exp((logits - logits.max()) / temperature)
    return int(rng.choice(len(weights), p=weights / weights.sum()))
