"""Solutions of tutorial 7: memory capacity."""

import numpy as np


def fewest_hops(dilations, limit):
    """Return the fewest hops for the spans 0 … limit."""
    hops = np.full(limit + 1, np.inf)
    hops[0] = 0
    for n in range(1, limit + 1):
        for d in dilations:
            if d <= n:
                hops[n] = min(hops[n], hops[n - d] + 1)
    return hops


def mean_recurrent_length(lengths):
    """Return the mean over n = 1 … m of the largest ``lengths[i, n]`` over i."""
    return lengths.max(axis=0)[1:].mean()


def skip_lengths(num_layers, skip, limit):
    """Return d(n) for n = 0 … limit: as many long hops as fit, and unit hops for the rest."""
    n = np.arange(limit + 1)
    return num_layers + n // skip + n % skip


def closed_form(base, num_layers):
    """Return L + L (M-1)/2 + M/m over m = M^L: L digits each, and the span m takes M hops of M^(L-1)."""
    m = base**num_layers
    return num_layers + num_layers * (base - 1) / 2 + base / m
