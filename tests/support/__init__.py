"""Shared helpers: random cases, backends, a stand-in for CuPy, a CUDA emulator, tiny experiments, the layout's rules."""
