"""The file format of checkpoints: a damaged or hostile file is refused in one line, and its content is never read in part."""

import io
import json
import os
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from dilated_rnn_np.arrays import archive
from dilated_rnn_np.arrays.archive import CheckpointError, read, write

ARRAYS = {
    f"params/layers.{i}.{name}": np.full((i + 2, 3), i + 0.5, "f4") for i in range(7) for name in ("W_x", "W_h", "b")
}
ARRAYS |= {"history": np.arange(24.0).reshape(3, 8), "empty": np.zeros((0, 4)), "single": np.float32(2.5)}
ARRAYS |= {"words": np.array(["ab", "c"]), "days": np.array(["2020-02-29"], "M8[D]"), "flags": np.array([True, False])}
META = {
    "model": {"architecture": "DilatedRNN", "hidden_size": [3, 3]},
    "step": 3,
    "note": {"text": "ä € \ud83d"},
    "nan": float("nan"),
}


def same(one, other):
    """Whether two contents are equal in every bit, dtype and name."""
    described = [
        {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in arrays.items()} for arrays, _ in (one, other)
    ]
    return described[0] == described[1] and json.dumps(one[1]) == json.dumps(other[1])


@pytest.fixture
def file(tmp_path):
    write(tmp_path / "run.npz", ARRAYS, META)
    return tmp_path / "run.npz"


def outcomes(file, changes):
    """How many changed files are refused and read; each change is a place and the byte that stands there instead."""
    content, original = file.read_bytes(), read(file)
    refused = 0
    with open(file, "r+b", buffering=0) as out:
        for place, byte in changes:
            out.seek(place)
            out.write(bytes([byte]))
            try:
                assert same(read(file), original), f"byte {place} as {byte} changes the content unnoticed"
            except CheckpointError as error:
                refused += 1
                assert str(error).startswith(f"{file} is cut off, damaged") and "\n" not in str(error)
            out.seek(place)
            out.write(content[place : place + 1])
    return refused


def test_content_comes_back_bit_by_bit(file):
    assert same(read(file), (ARRAYS, json.loads(json.dumps(META))))
    assert all(array.flags.writeable for array in read(file)[0].values())


def directory(content):
    """The bytes of the zip directory, which lists the entries, and of its end record."""
    return range(struct.unpack("<I", content[-6:-2])[0], len(content))


def test_every_flipped_bit_of_the_directory_is_refused_or_harmless(file):
    content = file.read_bytes()
    places = [(place, content[place] ^ (1 << bit)) for place in directory(content) for bit in range(8)]
    refused = outcomes(file, places)
    assert len(places) > 14_000 and 0.5 * len(places) < refused < len(places)


def test_random_bytes_are_refused_or_harmless(file):
    content, rng = file.read_bytes(), np.random.default_rng(16)
    places = rng.integers(0, len(content), 2000).tolist()
    refused = outcomes(file, [(place, content[place] ^ int(rng.integers(1, 256))) for place in places])
    assert refused > 1000


# ---------------------------------------------------------------------- hostile archives


def packed(entries, **options):
    """The bytes of a zip archive of (name, bytes) pairs."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as out:
        for name, content in entries:
            out.writestr(name, content)
    return file.getvalue()


def npy(array, **options):
    """The bytes of an array in NumPy's file format."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), **options)
    return file.getvalue()


def header(text):
    """The bytes of an array file that has a header and no data."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def entries_of(file):
    with zipfile.ZipFile(file) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def overlapping(file):
    """An archive whose directory lists the bytes of its largest entry a thousand times."""
    content = packed([(f"{k:04}.npy", npy(np.zeros(9000)) if k == 0 else b"") for k in range(1000)])
    start = struct.unpack("<I", content[-6:-2])[0]
    first, rest = content[start : start + 54], bytearray(content[start:])
    for k in range(1, 1000):
        rest[54 * k : 54 * k + 46] = first[:46]
    return content[:start] + bytes(rest)


def array(content):
    return ("array.npy", content)


def shaped(shape):
    return array(header(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"))


def metadata(text):
    return ("meta.npy", npy(text))


def head(**fields):
    return metadata(json.dumps({"format": archive.FORMAT, "meta": {}} | fields))


def with_other_numbers(file):
    other = npy(np.full((3, 3), 9.0, "f4"))
    return packed([(name, other if "layers.1.W_x" in name else content) for name, content in entries_of(file)])


HOSTILE = {
    "a compressed bomb": lambda file: packed(
        [metadata("{}"), array(npy(np.zeros(10**7)))], compression=zipfile.ZIP_DEFLATED
    ),
    "a header of 16 TB": lambda file: packed([*entries_of(file), shaped((2**42,))]),
    "a header of negative size": lambda file: packed([shaped((-1, -4))]),
    "a header that is no dict": lambda file: packed([array(header("[1, 2]"))]),
    "a header of a calculation": lambda file: packed([array(header("9**9**9"))]),
    "a long header": lambda file: packed([array(header("{" + " " * 60_000 + "}"))]),
    "an unknown version of the header": lambda file: packed([array(b"\x93NUMPY\x09\x00")]),
    "a pickle": lambda file: packed([array(npy(np.array([{}], dtype=object), allow_pickle=True))]),
    "overlapping entries": overlapping,
    "an entry twice": lambda file: packed([*entries_of(file), ("empty.npy", npy(np.ones(3)))]),
    "an entry that is no array": lambda file: packed([*entries_of(file), ("readme.txt", b"hello")]),
    "an entry that is not listed": lambda file: packed([*entries_of(file), array(npy(np.ones(3)))]),
    "other numbers in an array": with_other_numbers,
    "no metadata": lambda file: packed(entries_of(file)[1:]),
    "metadata in a pickle": lambda file: packed([("meta.npy", npy(np.array("x", dtype=object), allow_pickle=True))]),
    "metadata of a number": lambda file: packed([metadata(3)]),
    "metadata without a format": lambda file: packed([metadata("{}")]),
    "metadata that is a list": lambda file: packed([metadata("[1]")]),
    "metadata of a newer format": lambda file: packed([head(format="dilated_rnn_np checkpoint 3")]),
    "metadata without a list": lambda file: packed([head()]),
    "metadata without a digest": lambda file: packed([head(arrays={})]),
    "a list of a wrong type": lambda file: packed([head(arrays=[1])]),
    "content of a wrong type": lambda file: packed([head(meta=[], arrays={}, digest="")]),
    "nested metadata": lambda file: packed([metadata("[" * 100_000)]),
    "a long number": lambda file: packed([metadata("9" * 10_000)]),
    "an empty file": lambda file: b"",
    "an empty archive": lambda file: packed([]),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_refused_in_one_line_and_little_memory(case, file):
    file.write_bytes(HOSTILE[case](file))
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match="is cut off, damaged, or not a checkpoint") as raised:
            read(file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 800
    assert peak < 2 * file.stat().st_size + 500_000


@pytest.mark.parametrize("name", [*ARRAYS, "meta"])
def test_a_lost_entry_is_named(name, file):
    file.write_bytes(packed([entry for entry in entries_of(file) if entry[0] != f"{name}.npy"]))
    with pytest.raises(CheckpointError, match=rf"run\.npz is cut off, damaged, or not a checkpoint .*\({name}: "):
        read(file)


def test_a_large_file_is_read_in_twice_its_size_at_most(tmp_path):
    write(tmp_path / "large.npz", {f"{k}": np.full(10**6, float(k)) for k in range(4)}, {})
    tracemalloc.start()
    arrays, _ = read(tmp_path / "large.npz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(array.nbytes for array in arrays.values()) == 32 * 10**6 and peak < 1.2 * 32 * 10**6


def test_a_file_of_the_older_format_is_read(file):
    text = json.dumps({"format": archive.UNLISTED, **META})
    np.savez(file, meta=np.array(text), **ARRAYS)
    assert same(read(file), (ARRAYS, META))


@pytest.mark.parametrize(
    ("arrays", "meta", "error", "message"),
    [
        ({"a": np.array([None])}, {}, TypeError, "arrays must hold numbers.* got 'a' of dtype object"),
        ({"meta": np.ones(3)}, {}, TypeError, "not be named 'meta'"),
        ({}, {"a": object()}, TypeError, "not JSON serializable"),
        ({}, {"a": "x" * (archive.MOST_TEXT + 1)}, ValueError, "at most 16,777,216 characters, got 16,7"),
    ],
)
def test_content_that_could_not_be_read_is_not_written(arrays, meta, error, message, tmp_path):
    with pytest.raises(error, match=message):
        write(tmp_path / "run.npz", arrays, meta)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes of POSIX")
def test_a_named_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "run.npz")
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        read(tmp_path / "run.npz")
