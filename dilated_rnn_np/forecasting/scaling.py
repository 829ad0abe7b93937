"""Scaling: one transform for all series, inverted exactly, after which they share one order of magnitude.

``z = arcsinh(y / s)`` with a tenth of the series' mean absolute value as s. It is a logarithm where ``|y|`` is large, so seasons
that grow with the level become additive, and linear near 0, so zeros and negative values need no exception.
"""

from __future__ import annotations

import numpy as np


def scale_of(y: np.ndarray) -> float:
    """Return the scale s of one series: a tenth of its mean absolute value, and 1 for a series of zeros.

    >>> scale_of(np.array([10.0, -30.0, np.nan])), scale_of(np.zeros(3))
    (2.0, 1.0)
    """
    return float(np.nanmean(np.abs(y))) / 10 or 1.0


def scaled(y: np.ndarray, scale: np.ndarray | float) -> np.ndarray:
    """Return ``arcsinh(y / scale)``.

    >>> float(scaled(np.array(0.0), 2.0)), round(float(scaled(np.array(2e3), 2.0) - scaled(np.array(1e3), 2.0)), 5)
    (0.0, 0.69315)
    """
    return np.arcsinh(y / scale)


def unscaled(z: np.ndarray, scale: np.ndarray | float) -> np.ndarray:
    """Return the values of a scaled series: ``scale sinh(z)``.

    >>> np.allclose(unscaled(scaled(np.array([-5.0, 0.0, 7.0]), 2.0), 2.0), [-5.0, 0.0, 7.0])
    True
    """
    return scale * np.sinh(z)


def least_of(y: np.ndarray) -> float:
    """Return the smallest positive value of a series that has zeros and no negative values, and 0 for any other series.

    >>> least_of(np.array([0.0, 3.0, np.nan, 2.0])), least_of(np.zeros(2)), least_of(np.array([1.0, 2.0]))
    (2.0, inf, 0.0)
    """
    return float(np.min(y[y > 0], initial=np.inf)) if np.nanmin(y) == 0 else 0.0


def with_zeros(y: np.ndarray, least: np.ndarray | float) -> np.ndarray:
    """Return forecasts with 0 in place of those below half of ``least``, where this is not 0.

    A series of counts, or of demand on some days only, has zeros and no values between 0 and its smallest positive one.

    >>> with_zeros(np.array([-0.5, 0.4, 1.2]), 1.0).tolist(), with_zeros(np.array([-0.5, 0.4]), 0.0).tolist()
    ([0.0, 0.0, 1.2], [-0.5, 0.4])
    """
    return np.where((least > 0) & (y < least / 2), 0.0, y)
