"""Training: losses, optimisers, the training step, and ``fit``, which repeats the step until a run is complete.

Read ``losses`` first (a loss returns its value and its gradient; ``positions`` averages over the counted positions), then
``optim``. ``step`` holds one whole training step and the evaluation of a model. ``train`` holds ``fit``: it takes batches
from ``batches``, calls the ``callbacks``, and reports through ``progress``. ``run`` is the history that ``fit`` returns;
``saving`` writes it to a checkpoint, from which an interrupted run continues to the same bits.
"""
