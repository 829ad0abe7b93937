"""Initial weights: each scheme fills one matrix, drawn on the host in float64 from a given Generator.

A cell's matrices consist of one block a gate; the model applies a scheme to each block for itself. The default,
Glorot-uniform input weights with orthogonal recurrent weights, decides whether a deep dilated stack learns at all.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Scheme = Callable[[np.random.Generator, int, int], np.ndarray]  # (rng, rows, columns) -> (rows, columns)


def glorot_uniform(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Uniform in ±sqrt(6 / (rows + columns)) (Glorot and Bengio 2010, equation 16).

    >>> bool(abs(glorot_uniform(np.random.default_rng(0), 2, 4)).max() <= 1)
    True
    """
    bound = np.sqrt(6 / (rows + columns))
    return rng.uniform(-bound, bound, (rows, columns))


def orthogonal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Orthonormal rows or columns, whichever are fewer, uniformly distributed (Saxe, McClelland and Ganguli 2014).

    >>> Q = orthogonal(np.random.default_rng(0), 3, 3)
    >>> bool(np.allclose(Q @ Q.T, np.eye(3)))
    True
    """
    Q, R = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    Q = Q * np.sign(np.diagonal(R))  # makes the factor unique, and so Q uniform over the orthogonal group
    return Q if rows >= columns else Q.T


def identity(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Ones on the diagonal: the state is kept as it is (Le, Jaitly and Hinton 2015)."""
    return np.eye(rows, columns)


def uniform(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Uniform in ±1/sqrt(rows), rows being the hidden size: the scheme of PyTorch's recurrent layers."""
    bound = 1 / np.sqrt(rows)
    return rng.uniform(-bound, bound, (rows, columns))


def normal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Gaussian with variance 1 / columns, which keeps a linear map's output variance (LeCun et al. 1998, section 4.6)."""
    return rng.standard_normal((rows, columns)) / np.sqrt(columns)


SCHEMES: dict[str, Scheme] = {
    scheme.__name__: scheme for scheme in (glorot_uniform, orthogonal, identity, uniform, normal)
}
