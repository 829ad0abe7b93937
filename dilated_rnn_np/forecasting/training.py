"""The training of the forecaster's nets: all series share a net, and the nets of an ensemble differ by their seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.streams import stream
from ..nets.model import DilatedRNN
from ..training.callbacks import EpochAverage
from ..training.optim import Adam, cosine_decay, warmup
from ..training.train import fit
from .crops import Crops, crop_steps
from .following import Followed
from .frozen import Frozen
from .panels.panel import Panel
from .ragged import groups
from .track import Track

STEPS = 200  # of training, per net, at most
BATCH = 32  # crops per training step
WARM_UP_STEPS = 26  # of the learning rate
FINAL_RATE = 0.02  # the learning rate at the end, relative to its maximum
AVERAGED = 3  # epochs, tenths of the training, whose parameters are averaged
MAX_NORM = 1.0  # of the gradient


def train_nets(
    panel: Panel,
    frozen: Frozen,
    settings: dict[str, Any],
    steps: int,
    files: Sequence[Path] = (),
    note: str = "",
    progress: bool = True,
) -> list[DilatedRNN]:
    """Return the trained nets, each with parameters averaged over its last epochs; none where all series are too short.

    Parameters
    ----------
    panel, frozen : the series and their base forecasters. settings : the arguments of ``Forecaster``.
    steps : training steps per net. files : one checkpoint per net, or none; those that exist are continued. note : kept in them.
    """
    values, dilations = [series.y for series in panel], settings["dilations"]
    exogenous = [frozen.exogenous.inputs(series) for series in panel]
    data = values, _tracks(values, frozen), exogenous, frozen.base
    season, horizon = (*frozen.seasons, 1)[0], frozen.nets.horizon
    size = crop_steps((*frozen.seasons, *(dilations or ())), values, horizon)
    models = []
    for member in range(settings["members"]):
        seed = int(stream(settings["rng"], "members", member).integers(2**62))
        crops = Crops(*data, season, horizon, frozen.warm_up, size, BATCH, seed)
        if not len(crops.rows):
            return []
        model = DilatedRNN(
            crops.batch(0)[0].shape[-1],
            settings["hidden_size"],
            dilations_of(frozen.seasons) if dilations is None else dilations,
            settings["cell"],
            output_size=horizon * len(frozen.nets.head.levels),
            readout="all",
            rng=seed,
            dropout=settings["dropout"],
            fusion=False,
        )
        model.params["readout.W"] *= 0.1  # starts near the base forecast
        average = EpochAverage(AVERAGED, max(1, steps // 10))
        rise = min(WARM_UP_STEPS, max(1, steps // 4))
        file = files[member] if files else None
        fit(
            model,
            crops,  # type: ignore[arg-type]
            Adam(model.params, warmup(rise, cosine_decay(settings["lr"], steps, FINAL_RATE))),
            steps,
            loss=frozen.nets.head,
            max_norm=MAX_NORM,
            callbacks=[average],
            checkpoint=file,
            resume=file is not None and file.exists(),
            seed=seed,
            note=note,
            progress=progress,
            description=f"net {member + 1} of {settings['members']}",
        )
        models.append(average.model(model))
    return models


def _tracks(values: Sequence[np.ndarray], frozen: Frozen) -> list[Track]:
    """Return the track of each series."""
    tracks: dict[int, Track] = {}
    for rows in groups(values):
        group = Followed.of([values[i] for i in rows], frozen.base.rows(rows), frozen.seasons, frozen.warm_up)
        tracks |= {int(i): group.track_of(row) for row, i in enumerate(rows)}
    return [tracks[i] for i in range(len(values))]


def dilations_of(seasons: Sequence[int]) -> list[int]:
    """Return a dilation of 1 and one per season; 1, 2, 4, 8 without seasons.

    >>> dilations_of((24, 168)), dilations_of(())
    ([1, 24, 168], [1, 2, 4, 8])
    """
    return [1, *seasons] if seasons else [1, 2, 4, 8]


def steps_of(panel: Panel) -> int:
    """Return the training steps per net, 200, or twice the root of the number of values where these are below 10,000.

    On the values of a small panel more steps overfit: the forecasts get worse, and the intervals too narrow.

    >>> steps_of(Panel.of([range(100)])), steps_of(Panel.of(np.zeros((100, 1000))))
    (20, 200)
    """
    return min(STEPS, 2 * math.isqrt(sum(map(len, panel))))
