"""The installed package holds every file of the source package, and neither tests nor tutorials."""

import subprocess
import sys

import pytest
from support.places import ROOT


def test_an_installation_holds_every_file_of_the_package_and_nothing_else(tmp_path):
    pytest.importorskip("setuptools", reason="setuptools is not installed")
    line = [
        sys.executable,
        "setup.py",
        "--quiet",
        "build",
        "--build-base",
        str(tmp_path),
        "--build-lib",
        str(tmp_path / "lib"),
    ]
    subprocess.run(line, cwd=ROOT, check=True, capture_output=True)
    installed = {path.relative_to(tmp_path / "lib") for path in (tmp_path / "lib").rglob("*") if path.is_file()}
    source = {path.relative_to(ROOT) for path in (ROOT / "dilated_rnn_np").rglob("*") if path.is_file()}
    assert installed == {path for path in source if path.suffix != ".pyc"}
    assert {"py.typed", "device/persistent.cu"} <= {path.relative_to("dilated_rnn_np").as_posix() for path in installed}
