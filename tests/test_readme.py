"""The README's further examples run, and the files that it names exist."""

import re

import pytest
from support.places import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.S)


def test_the_regression_and_the_loss_of_ones_own_run(capsys):
    names = {}
    regression, own_loss = (example for example in EXAMPLES if "series" in example)
    exec(regression, names)
    exec(own_loss, names)
    printed = capsys.readouterr().out
    assert [line.split(":")[0] for line in printed.splitlines()] == ["last", "best", "average"]
    errors = [float(line.rsplit(" ", 1)[1]) for line in printed.splitlines()]
    assert max(errors) < 0.1  # predicting the mean gives about 0.6


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:tests/)?[a-z_]+/[a-z_]+\.py)`", README))))
def test_files_that_the_readme_names_are_there(path):
    assert (ROOT / path).is_file() or (ROOT / "dilated_rnn_np" / path).is_file()
