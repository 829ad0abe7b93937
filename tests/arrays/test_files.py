"""Atomic files: complete or absent."""

import os

import pytest

from dilated_rnn_np.arrays.files import atomic


def test_a_failed_block_leaves_the_old_file_and_no_temporary_one(tmp_path):
    file = tmp_path / "a.txt"
    with atomic(file) as out:
        out.write("old")
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), atomic(file) as out:
            out.write("new")
            raise error
    assert file.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_the_file_is_not_there_before_the_block_ends_and_a_leftover_is_overwritten(tmp_path):
    (tmp_path / ".a.bin.part").write_bytes(b"left by a killed process")
    with atomic(tmp_path / "a.bin", "wb") as out:
        out.write(b"\x00")
        assert not (tmp_path / "a.bin").exists()
    assert (tmp_path / "a.bin").read_bytes() == b"\x00" and os.listdir(tmp_path) == ["a.bin"]


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with (
        pytest.raises(OSError, match=r"cannot write .*missing.a.txt: .*an older file of that name is unchanged"),
        atomic(tmp_path / "missing" / "a.txt"),
    ):
        pass
