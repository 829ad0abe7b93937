"""The demonstration: a dilated and a plain stacked RNN of the same size learn copy memory side by side.

Both have seven layers of ten vanilla units and the same number of parameters; only the dilations differ. The dilated
one recalls ten symbols across 100 blank steps, the plain one stays near the memoryless baseline.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from ..nets.model import DilatedRNN
from ..plot import checked_picture, new_axes, training_curves
from ..tasks import CopyMemory
from ..theory.dilations import exponential_dilations
from ..training.optim import RMSProp, cosine_decay
from ..training.train import Run, evaluate, fit


@dataclass
class Contestant:
    """One net of the demonstration and how it did on sequences it was not trained on."""

    label: str
    model: DilatedRNN
    run: Run
    loss: float
    recall: float
    seconds: float


def demonstrate(
    picture: str | os.PathLike[str], steps: int = 3000, seed: int = 0, progress: bool = True
) -> list[Contestant]:
    """Train both nets, print the table and save the picture of both curves.

    Parameters
    ----------
    picture : where to write the picture, a PNG. steps : training steps for each net. seed : of weights and data.

    Raises
    ------
    OSError : where the picture's folder is missing; before any training.
    """
    checked_picture(picture)
    task = CopyMemory(T=100)
    assert task.baseline is not None
    print(f"Copy memory: recall 10 symbols after {task.T} blank steps. Seven layers of ten vanilla units each.")
    contestants = []
    for label, dilations in (("dilated", exponential_dilations(7)), ("plain", [1] * 7)):
        model = DilatedRNN(task.input_size, 10, dilations, output_size=task.output_size, readout=task.readout, rng=seed)
        optimizer = RMSProp(model.params, lr=cosine_decay(4e-3, steps, final=0.02))
        start = time.perf_counter()
        run = fit(
            model,
            task.batches(32, seed),
            optimizer,
            steps,
            metric=task.metric,
            max_norm=1.0,
            progress=progress,
            description=f"{label:<8}",
        )
        seconds = time.perf_counter() - start
        loss, recall = evaluate(model, task.test(512), metric=task.metric)
        contestants.append(Contestant(label, model, run, loss, recall, seconds))

    print(f"\n{'net':<9}{'dilations':<23}{'loss':>9}{'loss/baseline':>15}{'recall':>9}{'time':>8}")
    for c in contestants:
        listed = ", ".join(map(str, c.model.dilations))
        print(
            f"{c.label:<9}{listed:<23}{c.loss:>9.4f}{c.loss / task.baseline:>15.3f}{c.recall:>9.1%}{c.seconds:>6.0f} s"
        )
    print(f"{task.baseline_note}: {task.baseline:.4f}; guessing recalls {1 / 8:.1%}.")

    ax = new_axes()
    curves = {f"{c.label} ({c.recall:.0%} recalled)": c.run.column("loss") for c in contestants}
    training_curves(curves, task.baseline, ylabel="cross-entropy (nats)", smooth=max(1, steps // 120), ax=ax)
    ax.set_title(f"Copy memory over {task.T} steps, 7 layers of 10 vanilla units", fontsize=11)
    ax.figure.savefig(picture, dpi=150)
    print(f"The two curves are drawn in {picture}.")
    return contestants
