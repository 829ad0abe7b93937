"""Models in files, alone or as part of a training run: their arrays, their description, and the checks of both.

``arrays.archive`` writes and reads the files and refuses damaged ones. The checks here answer whether the content makes sense:
types and ranges of the metadata, finite numbers, and arrays of the shapes that the described model has.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..arrays import archive
from ..arrays.archive import CheckpointError, checked_place, reason
from ..arrays.backend import to_host
from ..arrays.checks import choose
from ..recurrence.cells import CELLS, Cell, get_cell

__all__ = ["CheckpointError", "checked_place", "read", "write"]

Model = Any  # a Network, which imports this file
LIBRARY = __name__.partition(".")[0]
ARCHITECTURES: dict[str, type] = {}  # all subclasses of Network, by name
FINITE = ("params/", "best/", "optimizer/", "state/")  # arrays that must hold finite numbers
DEPTHS = ("dilations", "periods", "hidden_size")  # lists of settings whose entries each have parameters


class Kind(NamedTuple):
    """A kind of value in the metadata: its description for messages, and its test."""

    words: str
    fits: Callable[[Any], bool]


WHOLE = Kind("a whole number of at least 0", lambda value: type(value) is int and 0 <= value < 2**53)
REAL = Kind("a finite number", lambda value: type(value) in (int, float) and abs(value) <= 1e300)
SECONDS = Kind("a finite number of at least 0", lambda value: REAL.fits(value) and value >= 0)
TEXT = Kind("a text", lambda value: isinstance(value, str))
OBJECT = Kind("a JSON object", lambda value: isinstance(value, dict))
OBJECTS = Kind("JSON objects by name", lambda value: OBJECT.fits(value) and all(map(OBJECT.fits, value.values())))

# The metadata of a model, and of a run beside it; a value whose name ends in "?" may be missing.
FIELDS: dict[str, Any] = {
    "model?": {"architecture": TEXT, "cell?": {"name": TEXT, "options": OBJECT}},
    "run_format?": WHOLE,
    "step?": WHOLE,
    "seconds?": SECONDS,
    "optimizer?": {"name": TEXT, "options": OBJECT},
    "optimizer_steps?": WHOLE,
    "callbacks?": OBJECTS,
    "best?": {"step": WHOLE, "loss": REAL, "settings?": OBJECT},
}


def write(path: str | os.PathLike[str], arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
    """Write the arrays and the metadata of a model or a run, atomically.

    Raises
    ------
    OSError, TypeError or ValueError : as ``archive.write``. FloatingPointError : if a parameter or a state is not finite.
    """
    if name := _not_finite(arrays):
        raise FloatingPointError(f"{name} is infinite or NaN; {path} is not written")
    archive.write(path, arrays, meta)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the metadata of a model or a run, checked.

    Raises
    ------
    FileNotFoundError : if there is no such file.
    CheckpointError : if it is damaged, a value of the metadata has a wrong type, or a parameter is not finite.
    """
    arrays, meta = archive.read(path)
    _check_fields(str(path), "", meta, FIELDS)
    if name := _not_finite(arrays):
        raise CheckpointError(f"{path}: {name} must hold finite numbers; use another copy of it, or train again")
    described = [
        {name: (a.dtype, a.shape) for name, a in below(group, arrays).items()} for group in ("best/", "params/")
    ]
    if described[0] and described[0] != described[1]:
        raise CheckpointError(f"{path}: best/ must hold arrays like params/; use another copy of it, or train again")
    return arrays, meta


def _not_finite(arrays: dict[str, np.ndarray]) -> str:
    """Return the name of the first parameter or state that holds anything but finite numbers, "" if there is none."""
    for name, array in arrays.items():
        if name.startswith(FINITE) and not (array.dtype.kind in "biufc" and np.isfinite(array).all()):
            return name
    return ""


def _check_fields(path: str, place: str, values: Any, fields: dict[str, Any]) -> None:
    """Raise a CheckpointError that names the first value that is missing or not of its kind."""
    for field, expected in fields.items():
        key = field.removesuffix("?")
        value, kind = values.get(key), OBJECT if isinstance(expected, dict) else expected
        if value is None and key != field:
            continue
        if not kind.fits(value):
            raise CheckpointError(
                f"{path}: {place}{key} must be {kind.words}, got {value!r:.80}; use another copy of it"
            )
        if isinstance(expected, dict):
            _check_fields(path, f"{place}{key}.", value, expected)


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
    settings = meta["best"].get("settings") if best else None
    params = below("best/" if best else "params/", arrays)
    model = build(path, {**(meta.get("model") or {}), **(settings or {})}, params, cell)
    model.note = meta.get("note")
    return model


def build(path: Any, config: dict[str, Any], params: dict[str, np.ndarray], cell: Cell | None = None) -> Model:
    """Build the model that a checkpoint describes around its parameters; no initial weights are drawn.

    Names, shapes and dtypes of the parameters are compared with the description before memory is allocated.
    """
    config = dict(config)
    try:
        architecture = choose("architecture", config.pop("architecture", None), ARCHITECTURES)
        if "cell" in config or cell is not None:
            config["cell"] = described_cell(path, config.get("cell"), cell)
        _check_sizes(config, params)
        model = architecture(**config, params=params)
    except CheckpointError:
        raise
    except Exception as error:  # whatever a constructor raises for a description that makes no sense
        raise CheckpointError(
            f"{path} does not describe a model of its parameters ({reason(error)}); use a file that save or fit wrote"
        ) from error
    set_params(model, params, str(path))
    return model


def _check_sizes(config: dict[str, Any], params: dict[str, np.ndarray]) -> None:
    """Raise a ValueError for more layers, levels or modules than there are arrays, before an object is made for each.

    Numbers beyond 2^31, and a dtype that is not that of the parameters, are refused too.
    """
    for name, value in config.items():
        values = value if isinstance(value, list) else [value]
        depth = value if name in ("num_layers", "levels") else len(values) if name in DEPTHS else 0
        if isinstance(depth, int) and depth > max(1, len(params)):
            raise ValueError(f"{name} counts {depth:,}, with {len(params)} arrays of parameters")
        if any(isinstance(number, int) and abs(number) >= 2**31 for number in values):
            raise ValueError(f"{name} must be below 2^31, got {value!r:.80}")
    stored = np.result_type(*params.values()).name
    if stored != config.get("dtype", stored):
        raise ValueError(f"dtype is {config['dtype']!r:.80}, with parameters of {stored}")


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
    shapes = {name: array.shape for name, array in model.params.items()}
    if words := difference(params, shapes, model.dtype):
        raise CheckpointError(f"{source} is of another model: {words}")
    for name, live in model.params.items():
        live[...] = model.xp.asarray(params[name])


def difference(arrays: dict[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], dtype: np.dtype) -> str:
    """Return how arrays differ from those expected: in a name, a shape, or a dtype that ``dtype`` cannot take; "" if they fit."""
    if arrays.keys() != shapes.keys():
        return f"only one of the two has {sorted(arrays.keys() ^ shapes.keys())[:5]}"
    for name, shape in shapes.items():
        if (array := arrays[name]).shape != shape or not np.can_cast(array.dtype, dtype, "same_kind"):
            return f"{name} is {array.dtype} {array.shape}, expected {dtype} {shape}"
    return ""


def below(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays whose names start with a prefix, under the rest of their names."""
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
