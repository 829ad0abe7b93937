"""Hypothesis draws small integers and seeds; deadlines are off, since a timing never decides a test."""

import os

from hypothesis import settings

settings.register_profile("default", deadline=None, max_examples=60, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_sessionfinish(session, exitstatus):
    """Where everything is there to run every test, as in CI, a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("FAIL_ON_SKIP") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("a test was skipped, and FAIL_ON_SKIP is set", red=True)
        session.exitstatus = 1
