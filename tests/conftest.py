"""Hypothesis draws small integers and seeds; deadlines are off, since a timing never decides a test."""

import os
import re
import sys

import pytest
from hypothesis import settings
from support import standin
from support.backends import BACKENDS, DEVICES, gpu

settings.register_profile("default", deadline=None, max_examples=60, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_generate_tests(metafunc):
    """Run a test that asks where on every backend, on every device, or on the stand-in alone."""
    for argument, places in (("on", BACKENDS), ("device", DEVICES), ("stand_in", DEVICES[:1])):
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, places, ids=repr)


def pytest_collection_modifyitems(config, items):
    """Leave the tests for a GPU out unless they are asked for, or there is one."""
    there = gpu()
    if isinstance(there, str):
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason=there))
        if not config.option.markexpr:
            items[:] = [item for item in items if not item.get_closest_marker("gpu")]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Let the stand-in take CuPy's place while a test runs on it."""
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
    """Say in one line why the tests for a GPU did not run."""
    if "gpu" in terminalreporter.config.option.markexpr and isinstance(gpu(), str):
        terminalreporter.write_line(gpu())


def pytest_sessionfinish(session, exitstatus):
    """Make a skipped test a failure where the pattern in FAIL_ON_SKIP says that its reason should not arise."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    pattern = os.environ.get("FAIL_ON_SKIP")
    skipped = [str(report.longrepr) for report in reporter.stats.get("skipped", [])] if reporter else []
    if pattern and (wrong := [reason for reason in skipped if re.search(pattern, reason)]):
        reporter.write_line(f"skipped, but FAIL_ON_SKIP={pattern}: {wrong[0]}", red=True)
        session.exitstatus = 1
