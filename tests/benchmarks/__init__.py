"""Times and memory of the library beside PyTorch and JAX: run ``python tests/benchmarks`` (``--help`` lists the options).

Each contender works in a process of its own and they take turns, one training step each, so that whatever else the
machine does falls on all of them. Before anything is timed, all must agree on loss and gradients.
"""
