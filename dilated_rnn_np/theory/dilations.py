"""The paper's dilations: they grow exponentially from layer to layer. A model accepts any other positive integers too."""

from __future__ import annotations

from ..arrays.checks import positive_integer


def exponential_dilations(num_layers: int, base: int = 2, start: int = 0) -> list[int]:
    """Return the dilations ``base**(start + l)`` for ``l = 0 .. num_layers - 1`` (Chang et al. 2017, section 2.2).

    Parameters
    ----------
    num_layers : L, at least 1. base : M, at least 1. start : l0, at least 0; above 0 the model gets a fusion layer.

    Examples
    --------
    >>> exponential_dilations(4)
    [1, 2, 4, 8]
    >>> exponential_dilations(3, base=2, start=2)
    [4, 8, 16]
    """
    num_layers = positive_integer("num_layers", num_layers)
    base, start = positive_integer("base", base), positive_integer("start", start, least=0)
    if base ** min(start + num_layers - 1, 63) >= 2**63:
        given = f"num_layers {num_layers}, base {base} and start {start}"
        raise ValueError(f"{given} give a dilation of 2**63 or more, longer than any array; use fewer layers")
    return [base ** (start + layer) for layer in range(num_layers)]
