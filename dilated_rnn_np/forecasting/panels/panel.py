"""A panel: many time series at one frequency, with the covariates that are known in advance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ...arrays.checks import positive_integer
from .assemble import assemble
from .frequency import Frequency
from .series import Gap, Series
from .tables import rows_of

__all__ = ["Gap", "Panel", "Series"]


@dataclass(frozen=True, eq=False)
class Panel:
    """Many time series at one frequency; ``Panel.of(data)`` builds it.

    Parameters
    ----------
    series : the time series, each under a name of its own.
    frequency : the distance between consecutive time stamps.
    covariate_names : one per column of the series' covariates.
    gaps : the missing values of the input, by series and time stamps.

    Examples
    --------
    >>> panel = Panel.of({"a": [1.0, 2.0, float("nan"), 4.0], "b": [5.0]})
    >>> panel.ids, panel["a"].ds.tolist(), panel.report()
    (('a', 'b'), [1, 2, 3, 4], ["series 'a': 1 value missing at 3"])
    """

    series: tuple[Series, ...]
    frequency: Frequency
    covariate_names: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def of(cls, data: Any, frequency: Frequency | None = None) -> Panel:
        """Return the panel of any supported data; a panel is returned as it is.

        Rows may be in any order. Missing rows inside a series are filled with NaN, and take over the covariates of the row
        before; missing values at the start and the end of a series are left out. ``report`` lists both.

        Parameters
        ----------
        data : a data frame or a mapping in the long format: columns ``unique_id`` (may be absent for one series), ``ds``
            (whole numbers or dates; may be absent for 1, 2, …), ``y``, and covariates known in advance. Or values alone: a
            mapping from a name to a 1-d array, an array (N, T), a list of 1-d arrays, or one 1-d array.
        frequency : the frequency of ``ds``, or None to find it in the data.

        Raises
        ------
        TypeError, ValueError : the data is not a panel; the message names the series, or the row (from 0) and the column.

        Examples
        --------
        >>> table = {"unique_id": ["a", "a"], "ds": ["2024-02", "2024-01"], "y": [2, 1], "price": [9.5, 9.9]}
        >>> panel = Panel.of(table)
        >>> panel.frequency.name, panel["a"].y.tolist(), panel["a"].covariates.tolist()
        ('month', [1.0, 2.0], [[9.9], [9.5]])
        """
        if isinstance(data, Panel):
            return data
        rows = rows_of(data)
        series, frequency, gaps = assemble(rows, frequency)
        return cls(tuple(series), frequency, tuple(rows.names), tuple(gaps))

    def __len__(self) -> int:
        """Return N, the number of series."""
        return len(self.series)

    def __iter__(self) -> Iterator[Series]:
        """Yield the series in order."""
        return iter(self.series)

    def __contains__(self, unique_id: object) -> bool:
        """Return whether there is a series of this name."""
        return unique_id in self._by_id

    def __getitem__(self, unique_id: str) -> Series:
        """Return the series of a name; an unknown name raises a ValueError."""
        if unique_id not in self._by_id:
            raise ValueError(f"no series {unique_id!r} among the {len(self)} of the panel, such as {self.ids[0]!r}")
        return self._by_id[unique_id]

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the names of the series, in order."""
        return tuple(self._by_id)

    @cached_property
    def _by_id(self) -> dict[str, Series]:
        return {series.unique_id: series for series in self.series}

    def drop_last(self, n: int) -> Panel:
        """Return the panel without the last n values of every series; series of at most n values are left out.

        >>> Panel.of({"a": [1, 2, 3], "b": [4]}).drop_last(1)["a"].y.tolist()
        [1.0, 2.0]
        """
        n = positive_integer("n", n, least=0)
        return self._cut(n, slice(None, -n or None))

    def last(self, n: int) -> Panel:
        """Return the last n values of every series that ``drop_last(n)`` keeps.

        >>> Panel.of({"a": [1, 2, 3], "b": [4]}).last(2)["a"].y.tolist()
        [2.0, 3.0]
        """
        n = positive_integer("n", n)
        return self._cut(n, slice(-n, None))

    def _cut(self, n: int, steps: slice) -> Panel:
        kept = tuple(series.cut(steps) for series in self.series if len(series) > n)
        if not kept:
            longest = max(len(series) for series in self.series)
            raise ValueError(f"n must be below {longest}, the number of values of the longest series, got {n}")
        ends = {series.unique_id: series.ds[[0, -1]] for series in kept}
        gaps = [gap for gap in self.gaps if gap.unique_id in ends]
        gaps = [gap for gap in gaps if gap.first <= ends[gap.unique_id][1] and gap.last >= ends[gap.unique_id][0]]
        return replace(self, series=kept, gaps=tuple(gaps))

    def report(self, most: int = 20) -> list[str]:
        """Return one sentence per gap, at most ``most``, and a last one that counts the others."""
        most = positive_integer("most", most, least=0)
        sentences = [str(gap) for gap in self.gaps[:most]]
        others = len(self.gaps) - most
        return [*sentences, f"and {others} more"] if others > 0 else sentences
