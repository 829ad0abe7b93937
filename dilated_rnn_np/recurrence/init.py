"""Initial weights: each scheme draws one matrix on the host, in float64, from a given Generator.

A cell's matrices have one block per gate, and each block is drawn for itself. The choice decides whether a deep dilated stack
learns; the default is Glorot-uniform for input weights and orthogonal for recurrent weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .cells import Cell

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
    """Ones on the diagonal: the recurrent product returns the state itself (Le, Jaitly and Hinton 2015)."""
    return np.eye(rows, columns)


def uniform(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Uniform in ±1/sqrt(rows), where rows is the hidden size: the scheme of PyTorch's recurrent layers."""
    bound = 1 / np.sqrt(rows)
    return rng.uniform(-bound, bound, (rows, columns))


def normal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Gaussian with variance 1 / columns, which preserves the variance in a linear map (LeCun et al. 1998, section 4.6)."""
    return rng.standard_normal((rows, columns)) / np.sqrt(columns)


def draw_blocks(rng: np.random.Generator, scheme: Scheme, heights: Sequence[int], columns: int) -> np.ndarray:
    """Draw one block per height, each for itself, and return them stacked: (sum of the heights, columns)."""
    return np.concatenate([scheme(rng, rows, columns) for rows in heights])


def draw_gates(
    rng: np.random.Generator, cell: Cell, D: int, H: int, input_init: Scheme, recurrent_init: Scheme
) -> dict[str, np.ndarray]:
    """Draw W_x (G*H, D), then W_h (G*H, H), each gate block for itself; b (G*H,), and b_h for a cell that has it, are 0."""
    heights = [H] * len(cell.gates)
    W_x, W_h = draw_blocks(rng, input_init, heights, D), draw_blocks(rng, recurrent_init, heights, H)
    b_h = {"b_h": np.zeros(len(cell.split) * H)} if cell.recurrent_bias else {}
    return {"W_x": W_x, "W_h": W_h, "b": np.zeros(len(W_x)), **b_h}


SCHEMES: dict[str, Scheme] = {draw.__name__: draw for draw in (glorot_uniform, orthogonal, identity, uniform, normal)}
