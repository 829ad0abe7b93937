"""The CUDA source compiles for real devices, which needs ``nvcc`` but no GPU."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from dilated_rnn_np.device import persistent
from dilated_rnn_np.recurrence.cells import get_cell

NVCC = shutil.which("nvcc")
OLDEST, DATA_CENTRE = "75", "90"  # the oldest that CUDA 13 compiles for

pytestmark = pytest.mark.skipif(NVCC is None, reason="nvcc is missing, which compiles the CUDA source for real devices")


@pytest.mark.parametrize(
    "H, dtype, architectures",
    [
        (20, "float32", [OLDEST, "80", DATA_CENTRE]),
        (50, "float32", [DATA_CENTRE]),
        (64, "float32", [DATA_CENTRE]),
        (20, "float64", [DATA_CENTRE]),
        (64, "float64", [DATA_CENTRE]),
    ],
)
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_source_compiles_without_a_warning_and_keeps_all_in_registers(cell, H, dtype, architectures, tmp_path):
    source = tmp_path / "persistent.cu"
    source.write_text(persistent.source(get_cell(cell), H, np.dtype(dtype)), encoding="utf-8")
    assert "#include" not in source.read_text(encoding="utf-8")  # CuPy's compiler has no headers
    targets = [f"-gencode=arch=compute_{n},code=sm_{n}" for n in architectures]
    command = [
        NVCC,
        "-std=c++14",
        "-Werror=all-warnings",
        "-Xptxas=-v",
        "-fatbin",
        *targets,
        "-o",
        tmp_path / "out",
        source,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    spilled = re.findall(r"(\d+) bytes spill stores", done.stderr)
    assert spilled == ["0"] * 2 * len(targets), done.stderr
