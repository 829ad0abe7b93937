"""Hypothesis draws small integers and seeds; deadlines are off, since a timing never decides a test."""

from hypothesis import settings

settings.register_profile("default", deadline=None, max_examples=60, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile("default")
