"""Synthetic tasks: held-out sets do not depend on the batch size, and invalid arguments are named at the call."""

import numpy as np
import pytest

from dilated_rnn_np.tasks import Adding, CopyMemory, make_task


@pytest.mark.parametrize("task", [CopyMemory(T=3), Adding(T=4)], ids=lambda task: task.name)
def test_held_out_sets_have_their_size_and_do_not_depend_on_the_batch_size(task):
    targets_axis = 1 if task.readout == "all" else 0
    for method, count in ((task.validation, 512), (task.test, 2048)):
        (x, targets), *rest = method(count)
        batches = method(300)
        assert not rest and x.shape[1] == targets.shape[targets_axis] == count
        assert [x.shape[1] for x, _ in batches] == [300] * (count // 300) + [count % 300]
        assert np.array_equal(np.concatenate([x for x, _ in batches], axis=1), x)
        assert np.array_equal(np.concatenate([targets for _, targets in batches], axis=targets_axis), targets)


@pytest.mark.parametrize("task", [CopyMemory(T=3), Adding(T=4)], ids=lambda task: task.name)
def test_a_wrong_batch_size_or_seed_is_named_at_once(task):
    for method in (task.batches, task.validation, task.test):
        with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1, got 0"):
            method(0)
    with pytest.raises(ValueError, match="seed must be a whole number of at least 0, got -1"):
        task.batches(4, seed=-1)
    with pytest.raises(TypeError, match="seed must be a whole number"):
        task.batches(4, seed=0.5)


@pytest.mark.parametrize("task", [CopyMemory(T=3), Adding(T=4)], ids=lambda task: task.name)
def test_settings_rebuild_the_same_task(task):
    again = make_task(**task.settings())
    assert type(again) is type(task) and again.settings() == task.settings() == {"name": task.name, "T": task.T}
    assert all(
        np.array_equal(a, b) for a, b in zip(again.batches(3, 5).draw(2), task.batches(3, 5).draw(2), strict=True)
    )
