"""Files that others wrote: regular ones only, and no more bytes than expected."""

import os

import pytest

from dilated_rnn_np.arrays.regular_files import check_regular, read_regular

pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes in folders")


def test_a_regular_file_is_read_as_a_whole_also_through_a_link(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_regular(tmp_path / "file") == read_regular(tmp_path / "link", most=7) == b"content"
    check_regular(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "missing")


def test_a_file_of_more_bytes_than_allowed_is_not_read(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    with pytest.raises(OSError, match="file must have at most 6 bytes, got 7"):
        read_regular(tmp_path / "file", most=6)


@pipes
def test_pipes_devices_and_folders_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for path, kind in (("pipe", "a pipe"), ("link", "a pipe"), (".", "a folder"), ("/dev/zero", "a device")):
        for read in (read_regular, check_regular):
            with pytest.raises(OSError, match=f"must be a regular file, not {kind}"):
                read(tmp_path / path)


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="the system has no /proc")
def test_a_file_with_more_content_than_its_size_is_refused():
    with pytest.raises(OSError, match="/proc/self/maps grew while it was read"):
        read_regular("/proc/self/maps")
