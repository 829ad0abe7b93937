"""Hostile data files: each is refused with one sentence, in time and memory bounded by the size of the true content."""

import gzip
import io
import os
import tarfile
import tracemalloc
import wave

import numpy as np
import pooch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dilated_rnn_np.tasks import Characters, DataError
from dilated_rnn_np.tasks.digits import FILES, parse_idx
from dilated_rnn_np.tasks.files import DataFile, read, sha256_of
from dilated_rnn_np.tasks.speech import digest_of_recordings, parse_wav, recordings_in

SEED = st.integers(0, 2**32 - 1)


def wav(count=60):
    """A good wav file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
        file.writeframes(np.arange(count, dtype="<i2").tobytes())
    return content.getvalue()


def tar(*members, format=tarfile.GNU_FORMAT):
    """A tar archive of ``(TarInfo, content)`` pairs."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=format) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return content.getvalue()


def member(name="recordings/0_anna_0.wav", **settings):
    info = tarfile.TarInfo(name)
    for attribute, value in settings.items():
        setattr(info, attribute, value)
    return info


def sparse(size):
    """A tar archive of one sparse recording that claims ``size`` bytes and stores none (POSIX.1-2001, GNU sparse 0.1)."""
    headers = {"GNU.sparse.size": str(size), "GNU.sparse.numblocks": "1", "GNU.sparse.map": f"{size},0"}
    return tar((member(pax_headers=headers), b""), format=tarfile.PAX_FORMAT)


IDX = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]) + bytes(range(24))
WAV = wav()
TAR = tar((member(), WAV), (member("recordings/1_ben_0.wav"), WAV))
READERS = {  # for each: a good file, its reader, and the errors that the reader documents
    "idx": (IDX, lambda content: parse_idx(content, "images", ndim=3), DataError),
    "wav": (WAV, lambda content: parse_wav(content, "a.wav"), DataError),
    "tar": (TAR, recordings_in, ValueError),
}


def read_or_refused(kind, content):
    """Whether a file is refused; a refusal must be one line with a reason."""
    _, reader, documented = READERS[kind]
    try:
        reader(content)
        return False
    except documented as error:
        assert str(error) and "\n" not in str(error) and "()" not in str(error), repr(error)
        return True


@pytest.mark.parametrize("kind", READERS)
def test_thousands_of_changed_bytes_and_bits_are_read_or_refused_in_one_line(kind):
    good, _, _ = READERS[kind]
    rng, refused = np.random.default_rng(0), 0
    places = min(len(good), 512)  # mostly headers, where a change does most
    for trial in range(4000):
        content = bytearray(good)
        for place in rng.integers(0, places, 1 + trial % 4):
            content[place] = content[place] ^ (1 << rng.integers(8)) if trial % 2 else rng.integers(256)
        refused += read_or_refused(kind, bytes(content))
    assert 100 < refused < 4000


@pytest.mark.parametrize("kind", READERS)
def test_every_truncation_is_read_or_refused_in_one_line(kind):
    good, _, _ = READERS[kind]
    assert sum(read_or_refused(kind, good[:end]) for end in range(0, len(good), 1 + len(good) // 500)) > 5


@given(st.sampled_from(sorted(READERS)), st.binary(max_size=600), st.integers(0, 200))
def test_any_bytes_are_read_or_refused_in_one_line(kind, content, kept):
    good, _, _ = READERS[kind]
    read_or_refused(kind, content)
    read_or_refused(kind, good[:kept] + content)


@given(st.lists(st.sampled_from([0, 1, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1]), min_size=1, max_size=3), SEED)
def test_idx_sizes_at_the_limits_are_read_or_refused(sizes, seed):
    content = bytes(np.random.default_rng(seed).integers(0, 256, seed % 9, np.uint8))
    header = bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)
    try:
        assert parse_idx(header + content, "images", len(sizes)).shape == tuple(sizes)
    except DataError as error:
        assert str(error).startswith("images must") or str(error).startswith("images has a damaged header")


def test_an_idx_file_of_no_bytes_and_impossible_sizes_is_refused():
    header = bytes([0, 0, 8, 3]) + b"".join(size.to_bytes(4, "big") for size in (0, 2**32 - 1, 2**32 - 1))
    with pytest.raises(DataError, match=r"images has a damaged header \(0, 4294967295, 4294967295\)"):
        parse_idx(header, "images", ndim=3)


def test_a_wav_chunk_that_is_too_long_is_refused_with_a_reason():
    content = WAV[:16] + (2**30).to_bytes(4, "little") + WAV[20:]  # the size of the fmt chunk
    with pytest.raises(DataError, match="a.wav must be a wav file of plain samples .*: a chunk does not end"):
        parse_wav(content, "a.wav")


# ---------------------------------------------------------------- archives


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
@pytest.mark.parametrize("target", ["recordings/0_anna_0.wav", "recordings/1_ben_0.wav", "/etc/passwd", "missing"])
def test_links_pipes_and_devices_in_an_archive_are_left_out(kind, target):
    archive = tar((member(type=kind, linkname=target), b""), (member("recordings/1_ben_0.wav"), WAV))
    assert recordings_in(archive) == {"1_ben_0.wav": WAV}


def test_a_sparse_member_that_claims_gigabytes_is_refused_unread():
    archive = sparse(2**32)
    assert len(archive) < 20_000
    tracemalloc.start()
    with pytest.raises(ValueError, match="0_anna_0.wav must have 0 to .* bytes, got 4,294,967,296"):
        recordings_in(archive)
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


def test_a_member_of_negative_size_is_refused():
    content = bytearray(TAR)
    content[124:136] = b"\xff" * 12  # base-256 for -1
    content[148:156] = b"%06o\0 " % (256 + sum(content[:148]) + sum(content[156:512]))  # the checksum
    with pytest.raises(ValueError, match="it is not a tar archive|must have 0 to"):
        recordings_in(bytes(content))


def test_garbage_in_the_place_of_an_archive_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")
    file = DataFile("words.tar", "0" * 64, (), digest_of=digest_of_recordings)
    for garbage in (b"no archive " * 1000, bytes(range(256)) * 8, gzip.compress(b"\0\1\2" * 999)):
        (tmp_path / "words.tar").write_bytes(garbage)
        with pytest.raises(DataError, match="words.tar cannot be used: it is not a tar archive") as raised:
            read(file, tmp_path)
        assert "\n" not in str(raised.value)


def test_a_compressed_archive_within_the_archive_is_not_unpacked():
    bomb = gzip.compress(TAR)
    with pytest.raises(ValueError, match="it is not a tar archive"):
        recordings_in(bomb)


# ---------------------------------------------------------------- sizes


def test_a_gzip_bomb_is_refused_without_being_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")
    name = "train-labels-idx1-ubyte"
    with gzip.open(tmp_path / f"{name}.gz", "wb", compresslevel=9) as file:
        for _ in range(80):
            file.write(bytes(2**20))
    tracemalloc.start()
    with pytest.raises(DataError, match="train-labels.*must have at most 60,008 bytes, got more"):
        read(FILES[name], tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 3 * 10**6  # the compressed file, and 60,009 bytes of its content
    tracemalloc.stop()


def test_a_large_file_in_the_place_of_a_data_file_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")
    name = "train-labels-idx1-ubyte"
    with open(tmp_path / name, "wb") as file:
        file.truncate(2**40)  # sparse
    with pytest.raises(DataError, match=r"must have at most 125,544 bytes, got 1,099,511,627,776"):
        read(FILES[name], tmp_path)


def test_content_of_exactly_the_known_size_is_read_compressed_or_not(tmp_path, monkeypatch):
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")
    content = np.random.default_rng(0).bytes(100_000)  # which gzip cannot compress
    file = DataFile("noise", sha256_of(content), (), most=len(content))
    for name, raw in (("noise", content), ("noise.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(raw)
        assert read(file, tmp_path) == content
    (tmp_path / "noise.gz").write_bytes(gzip.compress(content + b"!"))
    with pytest.raises(DataError, match="must have at most 100,000 bytes, got more"):
        read(file, tmp_path)
    (tmp_path / "noise.gz").write_bytes(gzip.compress(content)[:-4] + b"\0\0\0\1")  # a damaged trailer
    with pytest.raises(DataError, match="its gzip stream is damaged"):
        read(file, tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes in folders")
def test_a_text_must_be_a_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", "a pipe"), (tmp_path, "a folder"), ("/dev/zero", "a device")):
        with pytest.raises(DataError, match=f"must be a regular file, not {kind}"):
            Characters(file=path)


def test_a_text_larger_than_the_memory_is_refused_unread(tmp_path):
    with open(tmp_path / "large.txt", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(MemoryError, match=r"large.txt needs 22 TB for its characters .*; this machine has"):
        Characters(file=tmp_path / "large.txt")
