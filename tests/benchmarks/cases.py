"""The measured cases: a network and the shape of its batch.

The library draws a case's parameters, a seed its batch. Both are written to one file, which every contender reads, so all
start from equal numbers.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

import dilated_rnn_np as drn

CELLS = ("rnn", "lstm", "gru")


@dataclass(frozen=True)
class Case:
    """A dilated network with a read-out of the last step into classes, and the shape (T, B, D) of its batch."""

    cell: str
    hidden: int
    dilations: tuple
    T: int
    B: int
    D: int
    classes: int = 10
    dtype: str = "float32"
    budget: int | None = None  # bytes that the library may keep for backward; None for no limit

    @property
    def name(self):
        """A short name for tables."""
        return f"{self.cell}, {len(self.dilations)} x {self.hidden}"

    @property
    def shape(self):
        """The shape of the batch in words."""
        return f"T={self.T}, B={self.B}, D={self.D}"

    def replace(self, **changes):
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def as_message(self):
        """The case as a dict for the line protocol."""
        return dataclasses.asdict(self)

    @classmethod
    def from_message(cls, message):
        """The inverse of ``as_message``."""
        return cls(**message | {"dilations": tuple(message["dilations"])})


SIZES = {
    "20": {"hidden": 20, "dilations": tuple(2**l for l in range(9)), "T": 784, "B": 128, "D": 1},
    "50": {"hidden": 50, "dilations": tuple(2**l for l in range(9)), "T": 784, "B": 128, "D": 1},
    "256": {"hidden": 256, "dilations": tuple(2**l for l in range(5)), "T": 100, "B": 32, "D": 50},
}


def case_of(cell, size, quick=False):
    """The case of a cell and a size; with ``quick`` fewer layers, steps and rows."""
    case = Case(cell, **SIZES[size])
    return case.replace(dilations=case.dilations[:2], T=25, B=4) if quick else case


def small_case(cell):
    """A case in float64, whose rounding errors are too small to hide others; only the first dilation divides T."""
    return Case(cell, hidden=8, dilations=(1, 2, 4, 8, 16), T=37, B=3, D=2, dtype="float64")


def write_start(case, path, seed=0):
    """Write parameters and batch to ``path``: "params/…" under the library's names, "torch/…" under PyTorch's."""
    model = drn.DilatedRNN(case.D, case.hidden, case.dilations, case.cell, case.classes, dtype=case.dtype, rng=seed)
    rng = np.random.default_rng(seed)
    for array in model.params.values():
        if array.ndim == 1:
            array[...] = 0.1 * rng.standard_normal(array.shape)  # a wrong use of a zero bias would not show
    arrays = {
        "x": rng.standard_normal((case.T, case.B, case.D)).astype(case.dtype),
        "targets": rng.integers(0, case.classes, case.B),
    }
    arrays |= {f"params/{name}": array for name, array in model.params.items()}
    arrays |= {f"torch/{name}": array for name, array in drn.to_torch_state_dict(model, "layers").items()}
    np.savez(path, **arrays)


def with_prefix(arrays, prefix):
    """The arrays whose names begin with ``prefix``, under the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
