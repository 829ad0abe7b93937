"""Helpers that several test files share: drawn cases, backends, a stand-in for CuPy, tiny experiments."""
