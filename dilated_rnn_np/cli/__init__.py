"""The command line ``dilated-rnn``: training, evaluation, pictures, experiments, forecasts and the demonstration.

Read ``main`` first: it parses the options, calls one command and reports errors; ``start`` handles signals before. ``parser``
lists the options of each command, ``options`` defines those that several commands share, and ``option_types`` checks their
values. The commands are in ``train_command``, ``picture_commands`` and ``forecast_command``; they turn options into objects and
hand them to the driver in ``experiments``, to a forecaster, or to ``gallery``, which draws. ``demo`` is the demonstration that
runs without a command. ``library`` lists the public names of the whole package.
"""
