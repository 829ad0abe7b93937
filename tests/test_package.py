"""The package root: its public names, which are imported at the first use of one."""

import subprocess
import sys

import pytest

import dilated_rnn_np as drn


def test_importing_the_package_imports_nothing_large_before_a_name_is_used():
    program = (
        "import sys, dilated_rnn_np as drn; assert 'numpy' not in sys.modules; drn.fit; print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_every_public_name_is_listed_and_importable():
    names = {}
    exec("from dilated_rnn_np import *", names)
    assert set(drn.__all__) <= names.keys() & set(dir(drn)) and {"plot", "fit", "load", "losses"} <= set(drn.__all__)
    assert drn.plot.__name__ == "dilated_rnn_np.plot" and drn.nets.network.Network is drn.Network
    with pytest.raises(AttributeError, match="module 'dilated_rnn_np' has no attribute 'Fit'"):
        drn.Fit  # noqa: B018
