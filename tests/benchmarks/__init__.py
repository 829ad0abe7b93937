"""Times and memory of the library beside PyTorch and JAX: run ``python tests/benchmarks`` (``--help`` lists the options).

Each contender works in a process of its own. The contenders take turns of one training step each, so other load on the
machine affects all of them alike. Before anything is timed, all must agree on loss and gradients.
"""
