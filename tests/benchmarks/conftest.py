"""Benchmarks are no tests: pytest collects nothing here and so imports neither PyTorch nor JAX."""

collect_ignore_glob = ["*.py"]
