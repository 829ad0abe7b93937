"""Atomic files: complete or absent."""

import multiprocessing
import os
import secrets
import stat
import threading

import pytest

from dilated_rnn_np.arrays.files import LockedError, atomic, locked


def test_a_failed_block_leaves_the_old_file_and_no_temporary_one(tmp_path):
    file = tmp_path / "a.txt"
    with atomic(file) as out:
        out.write("old")
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), atomic(file) as out:
            out.write("new")
            raise error
    assert file.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_the_file_is_not_there_before_the_block_ends(tmp_path):
    with atomic(tmp_path / "a.bin", "wb") as out:
        out.write(b"\x00")
        assert not (tmp_path / "a.bin").exists()
    assert (tmp_path / "a.bin").read_bytes() == b"\x00" and os.listdir(tmp_path) == ["a.bin"]


def test_two_writers_of_a_file_do_not_mix_and_the_last_to_end_wins(tmp_path):
    with atomic(tmp_path / "a.txt") as first:
        first.write("first, begun earlier")
        with atomic(tmp_path / "a.txt") as second:
            second.write("second")
        assert (tmp_path / "a.txt").read_text() == "second"
    assert (tmp_path / "a.txt").read_text() == "first, begun earlier" and os.listdir(tmp_path) == ["a.txt"]


def test_a_link_is_replaced_and_its_target_unchanged(tmp_path, monkeypatch):
    (tmp_path / "other").write_text("untouched")
    monkeypatch.setattr(secrets, "token_hex", lambda n: "0" * 16)
    links = [tmp_path / "a.txt", tmp_path / f".a.txt.{'0' * 16}.part"]  # the second has the name of the temporary file
    for link in links:
        link.symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="File exists"), atomic(links[0]):
        pass
    assert links[1].is_symlink()
    links[1].unlink()
    with atomic(links[0]) as out:
        out.write("new")
    assert links[0].read_text() == "new" and not links[0].is_symlink()
    assert (tmp_path / "other").read_text() == "untouched"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_file_has_the_permissions_of_a_normal_one(tmp_path):
    before = os.umask(0o027)
    try:
        with atomic(tmp_path / "a.txt"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with (
        pytest.raises(OSError, match=r"cannot write .*missing.a.txt: .*an older file of that name is unchanged"),
        atomic(tmp_path / "missing" / "a.txt"),
    ):
        pass


# ---------------------------------------------------------------------- locks


def hold(path, pipe):
    with locked(path):
        pipe.send("locked")
        pipe.recv()


def test_a_lock_refuses_other_threads_and_processes_until_its_holder_is_killed(tmp_path):
    file = tmp_path / "run.npz"
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=hold, args=(file, theirs))
    process.start()
    assert ours.recv() == "locked"
    with (
        pytest.raises(LockedError, match=r"run\.npz is being written by another run; wait for it, stop it"),
        locked(file),
    ):
        pass
    process.kill()
    process.join()
    refused = []

    def other_thread():
        try:
            with locked(file):
                pass
        except LockedError as error:
            refused.append(error)

    with locked(file):
        thread = threading.Thread(target=other_thread)
        thread.start()
        thread.join()
    assert len(refused) == 1
    with locked(file):
        pass
    assert os.listdir(tmp_path) == []


def test_the_holder_of_a_lock_removes_the_temporary_files_of_killed_writers_and_no_others(tmp_path):
    left = [".run.npz.0123456789abcdef.part", ".run.npz.fedcba9876543210.part"]
    others = [".run.npz.x.0123456789abcdef.part", ".best.npz.0123456789abcdef.part", "run.npz", "notes.part"]
    for name in left + others:
        (tmp_path / name).write_text("")
    with locked(tmp_path / "run.npz"):
        assert sorted(os.listdir(tmp_path)) == sorted([".run.npz.lock", *others])
