"""Name, version, dependencies and extras; settings of the tools are in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

test = [
    "pytest>=8",
    "hypothesis>=6.100",
    "pytest-timeout>=2",
    "networkx>=3",
    "selenium>=4",
    "jupytext>=1.16",
    "setuptools>=68",
]
tutorials = ["jupytext>=1.16", "nbclient>=0.10", "ipykernel>=6", "notebook>=7", "ipywidgets>=8", "hypothesis>=6.100"]

setup(
    name="dilated_rnn_np",
    version="0.1.0",
    description="Dilated recurrent neural networks from scratch, in NumPy and CuPy, to read and to rely on",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    packages=find_packages(include=["dilated_rnn_np", "dilated_rnn_np.*"]),
    package_data={
        "dilated_rnn_np": ["py.typed"],
        "dilated_rnn_np.device": ["*.cu"],
        "dilated_rnn_np.plot": ["page/*"],
    },
    python_requires=">=3.10",
    install_requires=[
        "numpy>=2",
        "matplotlib>=3.8",
        "tqdm>=4.66",
        "pooch>=1.8",
        "threadpoolctl>=3.5",
        "filelock>=3.24",
    ],
    extras_require={
        "test": test,
        "lint": ["ruff>=0.8", "mypy>=1.13", "types-tqdm"],
        "cuda12": ["cupy-cuda12x[ctk]>=14"],  # ctk installs CUDA's libraries and headers; the driver must be present
        "cuda13": ["cupy-cuda13x[ctk]>=14"],
        "tutorials": tutorials,
        "bench": ["torch>=2.2"],
    },
    entry_points={"console_scripts": ["dilated-rnn = dilated_rnn_np.cli.start:start"]},
)
