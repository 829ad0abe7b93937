"""The commands ``paths``, ``draw`` and ``explore``: path lengths as a table, all pictures, and the explorer's page."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from ..baselines import systems
from ..experiments.files import made_folder
from ..nets import checkpoint as checkpoints
from ..nets.network import Network
from ..plot import checked_picture, explorer, path_lengths, save_picture
from ..plot.explorer import checked_page
from ..tasks import Task
from ..theory import paths
from ..theory.dilations import exponential_dilations
from .errors import UserError, user_errors
from .gallery import comparison_graphs, draw_architecture, draw_checkpoint, example_of
from .task_options import task_of


def paths_command(options: argparse.Namespace) -> None:
    """Print, and draw, the path lengths of a dilated stack beside those of other architectures of equal depth."""
    dilations = options.dilations
    cycle = options.cycle or max(dilations)
    with user_errors():
        if options.plot:
            checked_picture(options.plot)
        graphs = [paths.dilated_stack(dilations), *comparison_graphs(options.against or (), dilations)]
        rows = paths.table(graphs, cycle, options.input_size, options.hidden)  # refuses spans too long to list
    width = max(len(row["architecture"]) for row in rows) + 2
    print(f"Recurrent lengths in edges, over spans of 1 to {cycle} steps; {options.hidden} vanilla units per node.")
    header = f"{'architecture':<{width}}{'mean':>9}{'longest':>9}{'edges/node':>12}{'parameters':>12}{'per edge':>10}"
    print(f"{header}{'receptive field':>17}")
    for row in rows:
        field = "unlimited" if math.isinf(row["receptive field"]) else f"{row['receptive field']:,.0f}"
        print(
            f"{row['architecture']:<{width}}{row['mean length']:>9.4f}{row['longest']:>9.0f}{row['edges per node']:>12.2f}"
            f"{row['parameters']:>12,}{row['per edge']:>10,.0f}{field:>17}"
        )
    if options.plot:
        save_picture(path_lengths(graphs, 2 * cycle)[0].axes, options.plot)
        print(f"The picture of path length over span is {options.plot}.")


def draw_command(options: argparse.Namespace) -> None:
    """Write every picture of an architecture or of a checkpoint."""
    with made_folder(Path(options.out)) as folder:
        written = _drawn(options, folder)
    print(f"{len(written)} files are in {folder}: {', '.join(path.name for path in written)}")


def _drawn(options: argparse.Namespace, folder: Path) -> list[Path]:
    """Draw the architecture or the checkpoint that the options name into a folder, and return the files."""
    if options.checkpoint:
        for name in ("dilations", "system"):
            if getattr(options, name):
                raise UserError(f"a checkpoint has its own {name}: leave --{name} out")
        model, task = _of_checkpoint(options)
        written = draw_architecture(model, folder, options.steps, example_of(model, task))
        return written + draw_checkpoint(options.checkpoint, model, task, folder)
    with user_errors():
        model = systems.build(options.system or "dilated", 1, 1, options.dilations or [1, 2, 4])
    return draw_architecture(model, folder, options.steps)


def explore_command(options: argparse.Namespace) -> None:
    """Write the explorer's page of dilations or of a checkpoint."""
    given = [name for name in ("layers", "base", "start") if getattr(options, name) is not None]
    if options.checkpoint and (options.dilations or given):
        name = "dilations" if options.dilations else given[0]
        raise UserError(f"a checkpoint has its own dilations: leave --{name} out")
    if options.dilations and given:
        raise UserError(f"--dilations names every dilation: leave --{given[0]} out")
    if options.checkpoint:
        model, task = _of_checkpoint(options)
        with user_errors():
            checked_page(model, options.out)
        page = explorer(model, options.out, example_of(model, task))
    else:
        with user_errors():
            powers = exponential_dilations(options.layers or 3, options.base or 2, options.start or 0)
            page = explorer(options.dilations or powers, options.out)
    print(f"{page} is written, {page.stat().st_size / 1000:,.0f} kB: open it in a browser")


def _of_checkpoint(options: argparse.Namespace) -> tuple[Network, Task | None]:
    """Return a checkpoint's net, with its best parameters if there are any, and its task."""
    best = bool(checkpoints.read(options.checkpoint)[1].get("best"))
    task = task_of(options.checkpoint, options.data_dir, options.text)
    return checkpoints.load(options.checkpoint, best=best), task
