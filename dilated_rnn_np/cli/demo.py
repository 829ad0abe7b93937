"""The demonstration: a dilated and a plain stacked RNN of the same size learn copy memory; only the first one recalls."""

from __future__ import annotations

import os

from ..experiments import RunSpec, Training
from ..experiments.driver import measure, train
from ..nets.model import DilatedRNN
from ..plot import checked_picture, new_axes, save_picture, training_curves
from ..tasks import CopyMemory
from ..theory.dilations import exponential_dilations


def demonstrate(
    picture: str | os.PathLike[str], steps: int = 3000, seed: int = 0, progress: bool = True
) -> dict[str, DilatedRNN]:
    """Train both nets, print the table, save a picture of both curves, and return the nets by their labels.

    ``seed`` is that of weights and data. A picture that cannot be written raises an OSError before any training.
    """
    checked_picture(picture)
    task, training = CopyMemory(T=100), Training(steps, batch_size=32, validate_on=None)
    assert task.baseline is not None
    print(f"Copy memory: recall 10 symbols after {task.T} blank steps. Seven layers of ten vanilla units each.")
    nets, curves = {}, {}
    table = [f"\n{'net':<9}{'dilations':<23}{'loss':>9}{'loss/baseline':>15}{'recall':>9}{'time':>8}"]
    for label, dilations in (("dilated", exponential_dilations(7)), ("plain", [1] * 7)):
        net = DilatedRNN(task.input_size, 10, dilations, output_size=task.output_size, readout=task.readout, rng=seed)
        run = train(RunSpec(net, task, training, seed), progress=progress, title=f"{label:<8}")
        loss, recall = measure(net, task)
        figures = f"{loss:>9.4f}{loss / task.baseline:>15.3f}{recall:>9.1%}{run.seconds:>6.0f} s"
        table.append(f"{label:<9}{', '.join(map(str, dilations)):<23}{figures}")
        nets[label], curves[f"{label} ({recall:.0%} recalled)"] = net, run.column("loss")
    print(*table, sep="\n")
    print(f"{task.baseline_note}: {task.baseline:.4f}; guessing recalls {1 / 8:.1%}.")

    ax = new_axes()
    training_curves(curves, task.baseline, ylabel="cross-entropy (nats)", smooth=max(1, steps // 120), ax=ax)
    ax.set_title(f"Copy memory over {task.T} steps, 7 layers of 10 vanilla units", fontsize=11)
    save_picture(ax, picture)
    print(f"The picture of both curves is {picture}.")
    return nets
