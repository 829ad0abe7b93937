"""The demonstration: a dilated and a plain stacked RNN of the same size learn copy memory side by side.

Both have seven layers of ten vanilla units and the same number of parameters; only the dilations differ. The dilated
net recalls ten symbols across 100 blank steps, the plain one stays near the memoryless baseline.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..experiments import RunSpec, Training
from ..experiments.driver import measure, train
from ..nets.model import DilatedRNN
from ..plot import checked_picture, new_axes, training_curves
from ..tasks import CopyMemory
from ..theory.dilations import exponential_dilations
from ..training.run import Run


@dataclass
class Contestant:
    """One net of the demonstration, its training history, and its loss and recall on test data."""

    label: str
    model: DilatedRNN
    run: Run
    loss: float
    recall: float


def demonstrate(
    picture: str | os.PathLike[str], steps: int = 3000, seed: int = 0, progress: bool = True
) -> list[Contestant]:
    """Train both nets, print the table and save a picture of both curves.

    Parameters
    ----------
    picture : the picture to write, a PNG. steps : training steps per net. seed : of weights and data.

    Raises
    ------
    OSError : if the picture's folder is missing; before any training.
    """
    checked_picture(picture)
    task, training = CopyMemory(T=100), Training(steps, batch_size=32, validate_on=None)
    assert task.baseline is not None
    print(f"Copy memory: recall 10 symbols after {task.T} blank steps. Seven layers of ten vanilla units each.")
    contestants = []
    for label, dilations in (("dilated", exponential_dilations(7)), ("plain", [1] * 7)):
        model = DilatedRNN(task.input_size, 10, dilations, output_size=task.output_size, readout=task.readout, rng=seed)
        history = train(RunSpec(model, task, training, seed), progress=progress, title=f"{label:<8}")
        contestants.append(Contestant(label, model, history, *measure(model, task)))

    print(f"\n{'net':<9}{'dilations':<23}{'loss':>9}{'loss/baseline':>15}{'recall':>9}{'time':>8}")
    for c in contestants:
        listed, seconds = ", ".join(map(str, c.model.dilations)), c.run.history[-1]["seconds"]
        relative = c.loss / task.baseline
        print(f"{c.label:<9}{listed:<23}{c.loss:>9.4f}{relative:>15.3f}{c.recall:>9.1%}{seconds:>6.0f} s")
    print(f"{task.baseline_note}: {task.baseline:.4f}; guessing recalls {1 / 8:.1%}.")

    ax = new_axes()
    curves = {f"{c.label} ({c.recall:.0%} recalled)": c.run.column("loss") for c in contestants}
    training_curves(curves, task.baseline, ylabel="cross-entropy (nats)", smooth=max(1, steps // 120), ax=ax)
    ax.set_title(f"Copy memory over {task.T} steps, 7 layers of 10 vanilla units", fontsize=11)
    ax.figure.savefig(picture, dpi=150)
    print(f"The picture of both curves is {picture}.")
    return contestants
