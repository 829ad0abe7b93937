"""Hypothesis strategies for graphs of all architectures, small enough to draw."""

from hypothesis import strategies as st

from dilated_rnn_np import paths

DILATIONS = st.lists(st.integers(1, 5), min_size=1, max_size=4)
STEPS = st.integers(1, 12)
GRAPHS = st.one_of(
    DILATIONS.map(paths.dilated_stack),
    DILATIONS.map(paths.dilated_cnn),
    st.builds(paths.dilated_cnn, DILATIONS, st.just(3)),
    st.builds(paths.skip_stack, st.integers(1, 4), st.integers(2, 6)),
    st.integers(1, 4).map(paths.plain_stack),
    st.integers(1, 4).map(paths.hierarchical_stack),
    DILATIONS.map(sorted).map(paths.clockwork),
)
