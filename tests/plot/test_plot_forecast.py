"""The picture of a forecast shows its history, its median, one band per pair of quantiles, and the actual values."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.dates import ConciseDateFormatter

from dilated_rnn_np import plot

HISTORY = np.array([3.0, np.nan, 5.0, 4.0])
MEAN = np.array([6.0, 7.0, 8.0])


def bounds(band):
    """The lower and upper values of a band, by x."""
    (path,) = band.get_paths()
    values = {}
    for x, y in path.vertices:
        low, high = values.get(x, (y, y))
        values[x] = (min(low, y), max(high, y))
    return values


def test_history_forecast_and_actual_lie_at_their_steps():
    artists = plot.forecast(HISTORY, MEAN, actual=[6.5, np.nan, 7.5])
    assert list(artists) == ["history", "forecast", "actual"]
    assert artists["history"].get_xdata().tolist() == [-3, -2, -1, 0]
    np.testing.assert_array_equal(artists["history"].get_ydata(), HISTORY)
    assert artists["forecast"].get_xdata().tolist() == [0, 1, 2, 3]  # it starts at the last value of the history
    assert artists["forecast"].get_ydata().tolist() == [4, 6, 7, 8]
    assert artists["actual"].get_xdata().tolist() == [1, 2, 3]


def test_each_pair_of_quantiles_is_a_band_and_the_median_replaces_the_mean():
    quantiles = {0.5: MEAN + 0.5, 0.9: MEAN + 2, 0.1: MEAN - 2, 0.975: MEAN + 3, 0.025: MEAN - 3, 0.7: MEAN + 1}
    artists = plot.forecast(HISTORY, MEAN, quantiles)
    assert list(artists) == ["history", "95 %", "80 %", "q0.7", "forecast"]
    assert artists["forecast"].get_ydata().tolist() == [4, 6.5, 7.5, 8.5]
    assert artists["forecast"].get_label() == "median"
    assert artists["q0.7"].get_ydata().tolist() == [7, 8, 9]
    for label, half in (("80 %", 2), ("95 %", 3)):
        assert isinstance(artists[label], PolyCollection)
        assert bounds(artists[label]) == {
            0: (4, 4),
            1: (6 - half, 6 + half),
            2: (7 - half, 7 + half),
            3: (8 - half, 8 + half),
        }
    assert artists["95 %"].get_alpha() < artists["80 %"].get_alpha()


def test_dates_label_the_axis_with_room_between_them():
    ds = np.datetime64("2024-02-27", "s") + 86400 * np.arange(7)
    for width in (3.0, 12.0):
        ax = plot.new_axes(width, 3)
        plot.forecast(HISTORY, MEAN, {0.1: MEAN - 1, 0.9: MEAN + 1}, ds=ds, ax=ax)
        assert isinstance(ax.xaxis.get_major_formatter(), ConciseDateFormatter)
        ax.figure.draw_without_rendering()
        boxes = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
        assert len(boxes) >= 2
        assert all(left.x1 < right.x0 for left, right in zip(boxes, boxes[1:], strict=False))


def test_arguments_are_not_changed_and_given_axes_are_used():
    ax = plot.new_axes()
    history, mean = HISTORY.copy(), MEAN.copy()
    artists = plot.forecast(history, mean, {0.1: mean, 0.9: mean}, title="H1", ax=ax)
    assert all(artist.axes is ax for artist in artists.values()) and ax.get_title() == "H1"
    np.testing.assert_array_equal(history, HISTORY)
    assert mean.tolist() == MEAN.tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"history": []}, "history must have one axis and at least one value, got shape \\(0,\\)"),
        ({"mean": [[1.0]]}, "mean must have one axis and at least one value, got shape \\(1, 1\\)"),
        ({"quantiles": {0.9: [1.0]}}, r"quantile 0\.9 must have shape \(3,\), got shape \(1,\)"),
        ({"quantiles": {9: MEAN}}, r"a quantile level must lie in \[0, 1\), got 9"),
        ({"actual": [1.0]}, r"actual must have shape \(3,\), got shape \(1,\)"),
        ({"ds": [1, 2]}, r"ds must hold 7 time stamps, 4 of the history and 3 after, got \(2,\)"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot.forecast(**({"history": HISTORY, "mean": MEAN} | arguments))
