"""Speaker identification from raw waveforms: the model reads a spoken digit, one frame per time step, and names the speaker.

The Free Spoken Digit Dataset (Jakobovski and others): six speakers say each of the ten digits fifty times, sampled at 8 kHz,
in 0.14 to 2.3 seconds. Recordings differ in length; a batch is padded to its longest recording, and ``lengths`` holds the
lengths without padding.
"""

from __future__ import annotations

import io
import math
import os
import re
import tarfile
import wave

import numpy as np

from ..arrays.checks import one_of, positive_integer
from ..arrays.memory import check_memory
from .base import Batch, Stream, Task
from .epochs import full_batches, shuffled_rows
from .files import DataError, DataFile, read, sha256_of

RECORDING = re.compile(r"(?:.*/)?recordings/((\d)_([a-z]+)_(\d+)\.wav)")  # name, digit, speaker, index
TEST = range(5)  # indices of the test recordings, as published
VALIDATION = range(5, 10)


def recordings_in(archive: bytes) -> dict[str, bytes]:
    """Return each wav file in the archive's folder ``recordings``, by file name and in sorted order.

    Raises
    ------
    ValueError : the bytes are not a tar archive, or a member of it would be larger than the archive.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            found = {}
            for member in tar:
                if not 0 <= member.size <= len(archive):  # a sparse file, or a damaged header
                    raise ValueError(
                        f"its member {member.name} must have 0 to {len(archive):,} bytes, got {member.size:,}"
                    )
                match = RECORDING.fullmatch(member.name)
                if match and member.isreg() and (content := tar.extractfile(member)):
                    found[match[1]] = content.read()
    except (tarfile.TarError, EOFError, OverflowError, RecursionError) as error:
        raise ValueError(f"it is not a tar archive ({error})") from None
    return dict(sorted(found.items()))


def digest_of_recordings(archive: bytes) -> str:
    """Return one SHA-256 for all recordings of an archive; it does not depend on how a mirror packs them."""
    return sha256_of("".join(f"{name} {sha256_of(wav)}\n" for name, wav in recordings_in(archive).items()).encode())


ARCHIVE = DataFile(
    "fsdd-recordings.tar",
    "dbd573d7cafe79c4b49f65718115e1304e24e067fa39eff18a660dc6cb9c360f",
    (
        "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/"
        "26eb9aaf76e81b692f806f9140c2d2777410d7a1.tar.gz",
    ),
    folder="fsdd",
    most=2**25,
    digest_of=digest_of_recordings,
)


class Speech(Task):
    """Speaker or digit classification: x float32 ``(T, B, frame)``, targets int64 ``(B,)``, lengths int64 ``(B,)`` in time steps.

    Recordings 0 to 4 of each speaker and digit are the test set, as published, and 5 to 9 the validation set; the other
    forty are the training set. Each recording is scaled to a mean square of 1: the loudness alone would identify two of the
    six speakers, and samples divided by 32,768 are so small that training is slow. A training batch is a random sample
    of recordings of any length; an epoch shows each recording at most once.

    Parameters
    ----------
    frame : D, the samples per time step; 1 reads sample by sample. The last frame is padded with zeros.
    target : "speaker", one of six, or "digit", one of ten.
    data_dir : the first folder to search for the archive.

    Attributes
    ----------
    classes : the names of the classes; target k stands for ``classes[k]``.

    Raises
    ------
    DataError : the archive is damaged, or can neither be found nor downloaded.

    Notes
    -----
    Speaker identification from raw waveforms with a dilated RNN: Chang et al. 2017, section 4.4, on other recordings (VCTK).
    """

    name = "speech"
    options = ("frame", "target")
    readout = "last"
    reads_files = True

    def __init__(
        self, frame: int = 16, target: str = "speaker", data_dir: str | os.PathLike[str] | None = None
    ) -> None:
        self.frame = self.input_size = positive_integer("frame", frame)
        self.target = one_of("target", target, ("speaker", "digit"))
        self._parts: dict[str, list[tuple[np.ndarray, str]]] = {"train": [], "validation": [], "test": []}
        for name, content in recordings_in(read(ARCHIVE, data_dir)).items():
            digit, speaker, index = name.removesuffix(".wav").split("_")
            part = "test" if int(index) in TEST else "validation" if int(index) in VALIDATION else "train"
            self._parts[part].append((parse_wav(content, name), digit if target == "digit" else speaker))
        for part, recordings in self._parts.items():
            if not recordings:
                raise DataError(f"{ARCHIVE.name} has no recordings for {part}; use another copy of it")
        self.classes = sorted({label for _, label in self._parts["train"]})
        self.output_size = len(self.classes)
        self.baseline = math.log(self.output_size)
        self.baseline_note = f"ln {self.output_size}: equal probabilities for all {target}s"

    def steps_per_epoch(self, batch_size: int) -> int:
        """Return the number of full batches per epoch; each epoch leaves the remaining recordings out."""
        return full_batches(len(self._parts["train"]), batch_size, "recordings")

    def batches(self, batch_size: int, seed: int = 0) -> Stream:
        """Return the endless training stream for a seed; each epoch has an order of its own."""
        recordings = self._parts["train"]
        self._check_memory(recordings, positive_integer("batch_size", batch_size))
        rows_of = shuffled_rows(len(recordings), batch_size, seed, "recordings")
        return Stream(lambda k: self._batch([recordings[row] for row in rows_of(k)]))

    def held_out_batches(self, part: str, batch_size: int) -> list[Batch]:
        """Return all recordings of a part, the shortest first to keep the padding short."""
        batch_size = positive_integer("batch_size", batch_size)
        recordings = sorted(self._parts[part], key=lambda recording: len(recording[0]))
        self._check_memory(recordings, len(recordings))
        return [self._batch(recordings[first : first + batch_size]) for first in range(0, len(recordings), batch_size)]

    def _check_memory(self, recordings: list[tuple[np.ndarray, str]], rows: int) -> None:
        """Refuse a frame with which the padded recordings, float32 (T, rows, frame), need more memory than the machine has."""
        longest = max(len(samples) for samples, _ in recordings)
        padded = -(-longest // self.frame) * self.frame
        check_memory(f"frame {self.frame}", 4 * padded * rows, f"{rows:,} recordings")

    def _batch(self, recordings: list[tuple[np.ndarray, str]]) -> Batch:
        """Return recordings as one batch, padded with zeros to the longest."""
        frames = [framed(samples, self.frame) for samples, _ in recordings]  # each (T_b, D)
        lengths = np.array([len(steps) for steps in frames])
        x = np.zeros((lengths.max(), len(frames), self.frame), dtype=np.float32)  # (T, B, D)
        for b, steps in enumerate(frames):
            x[: len(steps), b] = steps
        return x, np.array([self.classes.index(label) for _, label in recordings]), lengths


def framed(samples: np.ndarray, frame: int) -> np.ndarray:
    """Return a recording (N,) scaled to a mean square of 1, in frames (T, frame); silence stays 0.

    >>> framed(np.array([300, -300, 300], np.int16), frame=2).tolist()
    [[1.0, -1.0], [1.0, 0.0]]
    """
    scaled = samples / max(math.sqrt(np.mean(samples.astype(np.float64) ** 2)), 1e-9)
    T = -(-len(samples) // frame)
    return np.pad(scaled, (0, T * frame - len(samples))).reshape(T, frame).astype(np.float32)  # (N,) -> (T, frame)


def parse_wav(content: bytes, name: str) -> np.ndarray:
    """Return the samples of a 16-bit mono wav file, int16 ``(N,)``; ``name`` is that of the file in errors.

    Raises
    ------
    DataError : the file is not a 16-bit mono wav file, is truncated, or holds no samples.
    """
    try:
        with wave.open(io.BytesIO(content)) as file:
            channels, width, _, count, *_ = file.getparams()
            samples = file.readframes(count)
    except (wave.Error, EOFError, RuntimeError) as error:  # wave raises RuntimeError('') for a chunk that is too long
        reason = str(error) or "a chunk does not end within the file"
        raise DataError(f"{name} must be a wav file of plain samples (PCM): {reason}; use another copy of it") from None
    if (channels, width) != (1, 2):
        raise DataError(f"{name} must have one channel of 16 bits, got {channels} of {8 * width} bits; convert it")
    if not samples or len(samples) != 2 * count:
        expected, got = max(count, 1), len(samples) // 2
        raise DataError(f"{name} must hold {expected:,} samples, got {got:,}; use another copy of it")
    return np.frombuffer(samples, dtype="<i2")
