"""Keeps pytest from collecting the benchmarks, whose modules import PyTorch and JAX."""

collect_ignore_glob = ["*.py"]
