"""The embedding: a linear map without bias before the first layer, ``e_t = W x_t``.

With a one-hot x it picks a column of W, the vector that the net learns for that symbol (Bengio et al. 2003, "A Neural
Probabilistic Language Model"). Without an embedding the first layer's ``W_x`` does the same for each gate; with one, all gates
read the same E numbers, which takes fewer weights where E is smaller than the number of symbols.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays.backend import Array
from ..recurrence.cells import Arrays
from ..recurrence.init import Scheme
from .layer import Params


@dataclass(frozen=True)
class Embedding:
    """``e_t = W x_t`` from D = ``input_size`` to E = ``size`` numbers per time step."""

    input_size: int
    size: int

    @property
    def num_parameters(self) -> int:
        """How many numbers W holds."""
        return self.size * self.input_size

    def initial_params(self, rng: np.random.Generator, input_init: Scheme) -> Params:
        """Draw W (E, D) on the host, in float64."""
        return {"W": input_init(rng, self.size, self.input_size)}

    def forward(self, params: Params, x: Array) -> tuple[Array, Arrays]:
        """Return e (E, T*B) of x (D, T*B), and copies of W and x as the cache."""
        W, x = params["W"].copy(), x.copy()
        return W @ x, (W, x)

    def backward(self, cache: Arrays, de: Array) -> tuple[Array, Params]:
        """Mirror ``forward``: return dx (D, T*B) and the gradient of W (E, D)."""
        W, x = cache
        return W.T @ de, {"W": de @ x.T}
