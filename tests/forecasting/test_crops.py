"""The training crops of the forecaster."""

import numpy as np

from dilated_rnn_np.forecasting import Forecaster


def test_crops_are_long_enough_for_dilations_beyond_the_seasons():
    y = np.random.default_rng(0).standard_normal(900).cumsum()
    weights = []
    for steps in (1, 3):
        forecaster = Forecaster(4, seasons=(), hidden_size=3, dilations=[1, 200])
        forecaster.fit(y, steps, progress=False)
        weights.append(forecaster.frozen.nets.models[0].params["layers.1.W_h"])
    assert not np.allclose(*weights, rtol=1e-5)  # crops of at most 200 steps train no recurrent weight of that layer
