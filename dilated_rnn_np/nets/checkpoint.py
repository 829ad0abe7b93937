"""Files of a model or of a whole training run: written atomically, without pickle, the same for both backends.

A checkpoint is an ``.npz`` archive of plain arrays and one JSON text. It is written to a temporary file in the same folder, which
then replaces the old file. So a reader, also after a killed run, finds either the old file or the new one, never a part.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.backend import to_host
from ..arrays.checks import choose
from ..arrays.files import atomic
from ..recurrence.cells import CELLS, Cell, get_cell

Model = Any  # a Network, which imports this file
LIBRARY = __name__.partition(".")[0]
ARCHITECTURES: dict[str, type] = {}  # all subclasses of Network, by name

FORMAT = "dilated_rnn_np checkpoint 1"


class CheckpointError(ValueError):
    """A checkpoint is truncated, damaged, or of another model or run than expected; the message says what to do."""


def write(path: str | os.PathLike[str], arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
    """Write arrays and a JSON-able dict to a file, atomically.

    Raises
    ------
    OSError : where the folder is missing or not writable; an older file of that name is left as it is.
    """
    text = json.dumps({"format": FORMAT, **meta})
    checked_place(path)
    with atomic(path, "wb") as file:
        np.savez(file, **{"meta": np.array(text), **arrays})  # type: ignore[arg-type]


def checked_place(path: str | os.PathLike[str]) -> None:
    """Raise an OSError where a file cannot be written, before anything is written."""
    folder = Path(path).absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK) or Path(path).is_dir():
        raise OSError(f"cannot write {path}: its folder must exist and be writable, and the path must not be a folder")


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the dict that ``write`` wrote.

    Raises
    ------
    FileNotFoundError : where there is no such file. CheckpointError : where it is truncated, damaged or not a checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}; pass the path of a file that save or fit wrote")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}  # reading verifies each array's checksum
        meta = json.loads(str(arrays.pop("meta")))
        if meta.pop("format") != FORMAT:
            raise ValueError("another format")
    except Exception as error:  # a damaged archive raises errors of NumPy, zipfile, zlib and json
        raise CheckpointError(
            f"{path} is cut off, damaged, or not a checkpoint of this library ({type(error).__name__}: {error}); "
            "use another copy of it, or train again"
        ) from None
    return arrays, meta


# ---------------------------------------------------------------------- models


def register(architecture: type) -> None:
    """Make a class of networks known to ``load`` by its name; a user's class cannot take the name of a library's class."""
    known = ARCHITECTURES.get(architecture.__name__)
    if known is None or not known.__module__.startswith(f"{LIBRARY}."):
        ARCHITECTURES[architecture.__name__] = architecture


def host_params(model: Model) -> dict[str, np.ndarray]:
    """Return copies of a model's parameters on the host."""
    return {name: to_host(array).copy() for name, array in model.params.items()}


def model_record(model: Model) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return a model's arrays, named ``params/…``, and the description that builds it again."""
    config = {"architecture": type(model).__name__, **model.config()}
    if model.cell is not None:
        config["cell"] = {"name": model.cell.name, "options": model.cell.options()}
    as_read = json.loads(json.dumps(config, default=lambda value: value.item()))  # with lists for tuples
    return {f"params/{name}": a for name, a in host_params(model).items()}, as_read


def load(path: str | os.PathLike[str], cell: Cell | None = None, best: bool = False) -> Model:
    """Return the model that ``model.save`` or ``fit(checkpoint=…)`` wrote.

    Parameters
    ----------
    path : the file. cell : needed for a model whose cell is a class of your own.
    best : from a training run, take parameters and annealed settings of the best validation instead of the last ones.

    Returns
    -------
    model : its ``note`` is the one that ``fit(note=…)`` was given, None without.

    Raises
    ------
    FileNotFoundError or CheckpointError : where the file is missing, truncated, damaged, or of another cell.

    Examples
    --------
    >>> import tempfile
    >>> from dilated_rnn_np import DilatedRNN
    >>> model = DilatedRNN(1, 4, [1, 2], output_size=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/model.npz")
    ...     again = load(f"{folder}/model.npz")
    >>> all((again.params[name] == model.params[name]).all() for name in model.params)
    True
    """
    cell = None if cell is None else get_cell(cell)
    arrays, meta = read(path)
    if best and not meta.get("best"):
        raise CheckpointError(f"{path} holds no best parameters: the run had no validation; load it without best=True")
    prefix = "best/" if best else "params/"
    params = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
    if best:
        meta["model"] |= meta["best"].get("settings", {})
    model = build(path, meta, params, cell)
    model.note = meta.get("note")
    return model


def build(path: Any, meta: dict[str, Any], params: dict[str, np.ndarray], cell: Cell | None = None) -> Model:
    """Build the model that a checkpoint describes, and check names, shapes and dtypes of its parameters."""
    try:
        config = dict(meta["model"])
        architecture = choose("architecture", config.pop("architecture"), ARCHITECTURES)
        if "cell" in config or cell is not None:
            config["cell"] = described_cell(path, config.get("cell"), cell)
        model = architecture(**config)
    except CheckpointError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} does not describe a model ({error}); use a file that save or fit wrote"
        ) from None
    set_params(model, params, str(path))
    return model


def described_cell(path: Any, described: dict[str, Any] | None, given: Cell | None) -> Cell:
    """Return the cell of a checkpoint: the given object, which must have its name, or a built-in one."""
    if described is None or (given is not None and given.name != described["name"]):
        holds = "without a cell" if described is None else f"of the cell {described['name']!r}"
        raise CheckpointError(f"{path} holds a model {holds}, got cell={given and given.name!r}")
    if given is None and described["name"] not in CELLS:
        raise CheckpointError(
            f"{path} holds a model of the cell {described['name']!r}, which is not one of {', '.join(CELLS)}; "
            "pass the object with cell=…"
        )
    return given or CELLS[described["name"]](**described["options"])


def set_params(model: Model, params: dict[str, np.ndarray], source: str) -> None:
    """Copy arrays into a model's live parameters; names or shapes that differ raise before anything is changed."""
    if params.keys() != model.params.keys():
        differ = sorted(params.keys() ^ model.params.keys())
        raise CheckpointError(f"{source} is of another model: only one of the two has the parameters {differ}")
    for name, live in model.params.items():
        new = params[name]
        if new.shape != live.shape or not np.can_cast(new.dtype, live.dtype, "same_kind"):
            given, expected = f"{new.dtype} {new.shape}", f"{live.dtype} {live.shape}"
            raise CheckpointError(f"{source} is of another model: {name} is {given}, expected {expected}")
    for name, live in model.params.items():
        live[...] = model.xp.asarray(params[name])
