"""Hypothesis draws small integers and seeds; deadlines are off, since a timing never decides a test."""

import os
import re

from hypothesis import settings

settings.register_profile("default", deadline=None, max_examples=60, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_sessionfinish(session, exitstatus):
    """Make a skipped test a failure where the pattern in FAIL_ON_SKIP says that its reason should not arise."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    pattern = os.environ.get("FAIL_ON_SKIP")
    skipped = [str(report.longrepr) for report in reporter.stats.get("skipped", [])] if reporter else []
    if pattern and (wrong := [reason for reason in skipped if re.search(pattern, reason)]):
        reporter.write_line(f"skipped, but FAIL_ON_SKIP={pattern}: {wrong[0]}", red=True)
        session.exitstatus = 1
