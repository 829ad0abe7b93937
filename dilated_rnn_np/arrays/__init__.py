"""Arrays and their surroundings: all that the other rooms need and that knows nothing of neural networks.

``backend`` chooses between NumPy and CuPy and moves arrays between host and device. ``checks`` are the checks of
arguments that all rooms share; ``inputs`` are those of sequences, states and gradients, at the door of a network.
``streams`` gives each purpose random numbers of its own; ``threads`` runs parts of a batch on several cores with the
BLAS held to one thread. ``files`` writes files atomically, by one process at a time; ``archive`` is the format of checkpoints.
Read ``backend`` first; the others can be read when their names come up.
"""
