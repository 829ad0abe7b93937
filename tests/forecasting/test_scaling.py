"""Scaling is inverted to rounding, for any values and any scale, and is odd, increasing and free of units."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dilated_rnn_np.forecasting.scaling import scale_of, scaled, unscaled

SEEDS = st.integers(0, 2**32 - 1)


@given(st.integers(1, 20), st.integers(-6, 9), SEEDS)
def test_unscaled_inverts_scaled(T, exponent, seed):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=T) * 10.0**exponent * 10.0 ** rng.integers(-4, 4, T)
    y[rng.random(T) < 0.2] = 0
    scale = scale_of(y)
    np.testing.assert_allclose(unscaled(scaled(y, scale), scale), y, rtol=1e-13, atol=1e-13 * abs(scale))
    assert (unscaled(scaled(y, scale), scale)[y == 0] == 0).all()


@given(st.integers(2, 20), SEEDS)
def test_scaling_is_odd_and_increasing(T, seed):
    y = np.sort(np.random.default_rng(seed).normal(size=T))
    np.testing.assert_array_equal(scaled(-y, 2.0), -scaled(y, 2.0))
    assert (np.diff(scaled(y, 2.0)) > 0).all()


@given(st.integers(1, 20), st.floats(1e-6, 1e6), SEEDS)
def test_scaled_values_do_not_depend_on_the_unit(T, unit, seed):
    y = np.random.default_rng(seed).normal(size=T)
    np.testing.assert_allclose(scaled(unit * y, scale_of(unit * y)), scaled(y, scale_of(y)), rtol=1e-12)


def test_the_scale_is_a_tenth_of_the_mean_absolute_value_of_the_known_values():
    assert scale_of(np.array([-20.0, np.nan, 40.0])) == 3
    assert scale_of(np.array([0.0, np.nan])) == 1


def test_large_values_are_scaled_by_their_logarithm():
    assert scaled(np.array(4e6), 1.0) - scaled(np.array(1e6), 1.0) == pytest.approx(np.log(4), rel=1e-12)
