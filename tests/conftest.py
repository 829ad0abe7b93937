"""Settings that all tests share: Hypothesis profiles, backends, the stand-in for CuPy, GPU tests, skipped tests."""

import os
import re
import sys

import pytest
from hypothesis import settings
from support import standin
from support.backends import BACKENDS, DEVICES, gpu

# No deadlines: the speed of the machine must not decide a test.
settings.register_profile("default", deadline=None, max_examples=60, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_generate_tests(metafunc):
    """Run a test with the argument ``on``, ``device`` or ``stand_in`` on every backend, every device or the stand-in."""
    for argument, places in (("on", BACKENDS), ("device", DEVICES), ("stand_in", DEVICES[:1])):
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, places, ids=repr)


def pytest_collection_modifyitems(config, items):
    """Without a GPU, skip the tests that need one if ``-m`` asks for them, and leave them out otherwise."""
    if not isinstance(reason := gpu(), str):
        return
    needing_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if asks_for_gpu(config):
        for item in needing_gpu:
            item.add_marker(pytest.mark.skip(reason=reason))
    elif needing_gpu:
        config.hook.pytest_deselected(items=needing_gpu)
        items[:] = [item for item in items if not item.get_closest_marker("gpu")]


def asks_for_gpu(config):
    """Whether the expression of ``-m`` selects tests by the marker ``gpu``."""
    return "gpu" in config.option.markexpr


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Replace CuPy by the stand-in while a test runs on the stand-in."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    if not any(repr(value) == "stand-in" for value in parameters):
        return (yield)
    before = sys.modules.get("cupy")
    sys.modules["cupy"] = standin._module
    try:
        return (yield)
    finally:
        if before is None:
            del sys.modules["cupy"]
        else:
            sys.modules["cupy"] = before


def pytest_terminal_summary(terminalreporter):
    """Say in one line why the GPU tests did not run."""
    if asks_for_gpu(terminalreporter.config) and isinstance(gpu(), str):
        terminalreporter.write_line(gpu())


def pytest_sessionfinish(session, exitstatus):
    """Fail the run if a test is skipped for a reason that matches the pattern in FAIL_ON_SKIP."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    pattern = os.environ.get("FAIL_ON_SKIP")
    skipped = [str(report.longrepr) for report in reporter.stats.get("skipped", [])] if reporter else []
    if pattern and (wrong := [reason for reason in skipped if re.search(pattern, reason)]):
        reporter.write_line(f"skipped, but FAIL_ON_SKIP={pattern}: {wrong[0]}", red=True)
        session.exitstatus = 1
