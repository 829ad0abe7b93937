"""Exercises of tutorial 11: raw sound."""

import numpy as np
from solutions import ex11 as solutions

from . import Exercise, Mistake

# ---------------------------------------------------------------------- frames


def recording(rng):
    frame = int(rng.integers(3, 7))
    return 1000 * rng.standard_normal(4 * frame + int(rng.integers(1, frame))) + 300, frame


def in_frames(
    samples, frame, *, scale=lambda s: np.sqrt(np.mean(s**2)), front=False, columns=False, fill=0.0, late=False
):
    """The frames with one thing changed."""
    T = -(-len(samples) // frame)
    padding = np.full(T * frame - len(samples), fill * samples[-1])
    padded = np.append(padding, samples) if front else np.append(samples, padding)
    frames = padded.reshape(frame, T).T if columns else padded.reshape(T, frame)
    return frames / scale(padded if late else samples)


def frames_with(**changes):
    return lambda *arguments: in_frames(*arguments, **changes)


# ---------------------------------------------------------------------- batches


def spoken(rng):
    lengths = rng.permutation([3, 5, 6, 8])  # all different
    return (tuple(rng.standard_normal((length, 2)) for length in lengths),)


def at_the_end(recordings):
    x, lengths = solutions.to_batch(recordings)
    for b, frames in enumerate(recordings):
        x[:, b] = 0
        x[len(x) - len(frames) :, b] = frames
    return x, lengths


def last_frame_again(recordings):
    x, lengths = solutions.to_batch(recordings)
    for b, frames in enumerate(recordings):
        x[len(frames) :, b] = frames[-1]
    return x, lengths


def all_as_long(recordings):
    x, lengths = solutions.to_batch(recordings)
    return x, np.full_like(lengths, len(x))


def last_steps(recordings):
    x, lengths = solutions.to_batch(recordings)
    return x, lengths - 1


def by_length(recordings):
    return solutions.to_batch(tuple(sorted(recordings, key=len)))


# ---------------------------------------------------------------------- the row's own end


def states(rng):
    T, B, H = 7, 4, 3
    return rng.standard_normal((T, B, H)), rng.permutation([2, 4, 5, 7]), rng.standard_normal((B, H))


def read(h, lengths, dlast, *, ends=None, dends=None, spread=None):
    """The states and their gradient with one thing changed."""
    rows = np.arange(len(lengths))
    own = lengths - 1
    dh = np.zeros_like(h)
    dh[own if dends is None else dends(h, lengths), rows] = dlast
    if spread:
        dh = spread(h, lengths)[:, :, np.newaxis] * dlast
    return h[own if ends is None else ends(h, lengths), rows], dh


def read_with(**changes):
    return lambda *arguments: read(*arguments, **changes)


def batch_end(h, lengths):
    return np.full(len(lengths), len(h) - 1)


def one_late(h, lengths):
    return np.minimum(lengths, len(h) - 1)


def within(h, lengths):
    return np.arange(len(h))[:, np.newaxis] < lengths


# ---------------------------------------------------------------------- the mean over what counts


def losses(rng):
    return rng.uniform(1, 2, (7, 4)), rng.permutation([2, 4, 5, 7])


def mean_with(count, *, masked=True, dcount=None, dmasked=True):
    """The mean and its gradient with another count, or without the mask."""

    def wrong(step_losses, lengths):
        valid = within(step_losses, lengths)
        total = np.where(valid, step_losses, 0).sum() if masked else step_losses.sum()
        gradient = valid if dmasked else np.ones(valid.shape)
        return total / count(valid), gradient / (dcount or count)(valid)

    return wrong


def mean_of_means(step_losses, lengths):
    valid = within(step_losses, lengths)
    return (np.where(valid, step_losses, 0).sum(axis=0) / lengths).mean(), valid / lengths / len(lengths)


def counted(valid):
    return valid.sum()


EXERCISES = {
    "11.1": Exercise(
        solutions.to_frames,
        recording,
        ["frames"],
        [
            Mistake(
                frames_with(scale=lambda s: 1.0),
                "the frames are right, but the recording is as loud as it was: divide by its root mean square.",
            ),
            Mistake(
                frames_with(scale=lambda s: np.mean(s**2)),
                "divided by the mean square: its root is missing.",
            ),
            Mistake(
                frames_with(scale=np.std),
                "np.std takes the mean away first; the root mean square is np.sqrt(np.mean(samples**2)).",
            ),
            Mistake(
                frames_with(scale=lambda s: abs(s).max()),
                "divided by the largest sample: a single click would make a recording quiet. Take the root mean square.",
            ),
            Mistake(
                frames_with(late=True),
                "the zeros that fill up the last frame are counted in the mean: scale first, fill up then.",
            ),
            Mistake(frames_with(front=True), "the zeros stand before the recording: they belong after it."),
            Mistake(
                frames_with(fill=1.0),
                "the last frame is filled up with the last sample again: fill it up with zeros.",
            ),
            Mistake(
                frames_with(columns=True),
                "the samples of a frame lie T apart: reshape to (T, frame), so that a frame holds neighbours.",
            ),
        ],
        [
            "three steps in this order: scale, fill up with zeros, reshape.",
            "T = -(-len(samples) // frame) rounds up; T * frame - len(samples) zeros are missing.",
            "return np.append(scaled, np.zeros(T * frame - len(samples))).reshape(T, frame).",
        ],
    ),
    "11.2": Exercise(
        solutions.to_batch,
        spoken,
        ["x", "lengths"],
        [
            Mistake(
                at_the_end,
                "the padding stands before the recordings: they begin at step 0, what pads them comes after.",
            ),
            Mistake(last_frame_again, "the last frame is repeated: pad with zeros."),
            Mistake(
                all_as_long,
                "x is right, but all lengths are those of the longest: a row's length is that of its own recording.",
            ),
            Mistake(
                last_steps,
                "x is right, but these are the last steps: a length counts steps, so it is one more.",
            ),
            Mistake(by_length, "the recordings have been sorted: keep their order, the targets stand in it."),
        ],
        [
            "lengths first; then zeros of (lengths.max(), B, D).",
            "row b of the batch is x[:, b], (T, D); the recording fills its first steps.",
            "x[: len(frames), b] = frames, for each b.",
        ],
    ),
    "11.3": Exercise(
        solutions.read_at_the_end,
        states,
        ["last", "dh"],
        [
            Mistake(
                read_with(ends=batch_end, dends=batch_end),
                "all rows are read at the last step of the batch: shorter ones are padding there.",
            ),
            Mistake(
                read_with(dends=batch_end),
                "last is right, but its gradient goes to the last step of the batch: it goes where the state was read.",
            ),
            Mistake(
                read_with(ends=one_late, dends=one_late),
                "one step late: a row of length n ends at step n - 1.",
            ),
            Mistake(
                read_with(spread=within),
                "last is right, but every step of a row gets the gradient: only the step that was read does, the recurrence does the rest.",
            ),
            Mistake(
                read_with(spread=lambda h, lengths: within(h, lengths) / lengths),
                "last is right, but the gradient is spread evenly over the row, as for a mean: only the step that was read gets it.",
            ),
        ],
        [
            "row b is read at step lengths[b] - 1.",
            "h[steps, rows] with two arrays of B numbers picks one step for each row.",
            "backward: zeros of h's shape, and dlast at the very same places.",
        ],
    ),
    "11.4": Exercise(
        solutions.mean_over_valid,
        losses,
        ["loss", "gradient"],
        [
            Mistake(
                mean_with(np.size, masked=False, dmasked=False),
                "the padding counts in sum and mean: leave out the positions t >= lengths[b].",
            ),
            Mistake(
                mean_with(np.size),
                "the padding adds nothing to the sum, but it is still counted: divide by the number of valid positions.",
            ),
            Mistake(
                mean_with(lambda valid: 1),
                "a sum; the mean is wanted: divide by the number of valid positions.",
            ),
            Mistake(
                mean_with(lambda valid: valid.shape[1]),
                "divided by the number of rows: each row has many positions, divide by all that count.",
            ),
            Mistake(
                mean_of_means,
                "a mean of the rows' means: then a step of a short row weighs more. Sum over all, divide once.",
            ),
            Mistake(
                mean_with(counted, dmasked=False),
                "the loss is right, but the padding has a gradient: it is 0 there.",
            ),
            Mistake(
                mean_with(counted, dcount=lambda valid: 1),
                "the loss is right; its gradient has to be divided by the count too.",
            ),
        ],
        [
            "valid = np.arange(T)[:, np.newaxis] < lengths is (T, B) and says what counts.",
            "the loss is the sum over valid positions, divided by valid.sum().",
            "each valid position has the same gradient, 1 / valid.sum(); the others 0.",
        ],
    ),
}
