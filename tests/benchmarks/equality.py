"""Equality of all contenders before anything is timed: logits, loss and the gradients of all parameters.

The loss and each array are compared with the library's, relative to the largest number in the library's array: in float32
on each timed case, and in float64, streams included, on a small one.
"""

import numpy as np

from benchmarks.process import ContenderError

TOLERANCES = {"float32": 2e-3, "float64": 1e-9}
LOSS_TOLERANCES = {"float32": 1e-4, "float64": 1e-9}


def check(case, processes, folder, stream=False):
    """Compare all contenders with the library; returns each one's largest deviations of loss and arrays."""
    files = {name: computed(name, process, folder, stream) for name, process in processes.items()}
    expected = files.pop("library")
    return {name: compare(case, name, got, expected) for name, got in files.items()}


def computed(name, process, folder, stream=False):
    """The arrays that one contender computes, by name."""
    path = folder / f"{name}.npz"
    process.ask("check", path=str(path), stream=stream)
    with np.load(path) as file:
        return dict(file)


def compare(case, name, got, expected):
    """Compare one contender's arrays with the library's; returns the largest deviations of loss and arrays."""
    if got.keys() != expected.keys():
        raise ContenderError(f"{name} and library compute different arrays: {sorted(got.keys() ^ expected.keys())}")
    deviations = {}
    for array in expected:
        if got[array].shape != expected[array].shape or got[array].dtype.kind != "f":
            raise ContenderError(
                f"{case.name}: {array} of {name} must be floats of shape {expected[array].shape}, "
                f"got {got[array].dtype} of shape {got[array].shape}"
            )
        deviations[array] = float(abs(got[array] - expected[array]).max() / abs(expected[array]).max())
        tolerance = (LOSS_TOLERANCES if array == "loss" else TOLERANCES)[case.dtype]
        if not deviations[array] <= tolerance:
            raise ContenderError(
                f"{case.name} ({case.shape}, {case.dtype}): {array} of {name} differs from the library's by "
                f"{deviations[array]:.1e} of its largest number, more than {tolerance:g}, so it is not timed"
            )
    return {"loss": deviations.pop("loss"), "arrays": max(deviations.values())}
