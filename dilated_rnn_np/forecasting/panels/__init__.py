"""Panels of time series, read from files and tables, and checked.

Read ``series`` and ``panel`` first: a panel holds many series at one ``frequency``, with the covariates that are known in
advance. ``read_csv`` reads a panel from a file, whose text comes from ``csv_text``; ``tables``, ``cells`` and ``timestamps``
convert its columns, and ``assemble`` sorts, checks and fills its series. ``calendar`` makes features from time stamps, and
``future`` reads the covariates over the horizon.
"""
