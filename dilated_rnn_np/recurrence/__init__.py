"""The heart of the library: the dilated recurrence ``c_t = f(x_t, c_{t-d})`` of one layer, forward and backward.

Read ``reference`` first, the equations of the paper as plain loops. ``cells`` holds the vanilla RNN, LSTM and GRU as
pointwise functions of gate pre-activations, and the class from which you derive a cell of your own. ``gates`` joins the
weights of all gates into one matrix. ``scan`` runs a cell over a sequence with one matrix product per folded step, and
equals the reference to rounding. ``init`` draws the initial weights.
"""
