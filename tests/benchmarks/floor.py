"""The floor: the time of a training step if every product runs at the peak rate and nothing is computed twice.

It divides the exact flops of the products, the least memory traffic of the elementwise part and its tanh evaluations (one
per sigmoid) by the rates measured in the same run. The three can overlap only a little, so no implementation is much
faster, and ratios to the floor can be compared between cells and sizes.
"""

GATES = {"rnn": 1, "lstm": 4, "gru": 3}

# Arrays of (H, T*B) numbers that a fused forward and a fused backward of the cell must move: each input is read once, each
# output written once. Forward also writes the arrays that backward reads.
FORWARD_PASSES = {
    "rnn": 1 + 1,  # read a; write h
    "lstm": 5 + 7,  # read a_i a_f a_g a_o c_prev; write i f g o tanh_c, c, h
    "gru": 5 + 4,  # read a_r a_z a_n a_nh h_prev; write r z n, h (a_nh needs no copy)
}
BACKWARD_PASSES = {
    "rnn": 2 + 1,  # read dh h; write da
    "lstm": 8 + 5,  # read dh dc i f g o c_prev tanh_c; write da_i da_f da_g da_o dc_prev
    "gru": 6 + 5,  # read dh r z n a_nh h_prev; write da_r da_z da_n da_nh dh_prev
}
TANHS = {"rnn": 1, "lstm": 5, "gru": 3}  # per number of the state, in forward; backward uses outputs and needs none

FORMULA = (
    "floor = F / flops per second + M / bytes per second + E / tanhs per second, with\n"
    "F = 3 passes * 2 * sum over layers of G H (D + 1 + H) T B (forward, gradient of inputs, gradient of weights; D is the\n"
    "    layer's input size, G its gates: {gates}; the read-out of one step is left out);\n"
    "M = 4 * passes * sum over layers of H T B (arrays read once and written once by a fused cell, forward and backward:\n"
    "    {passes});\n"
    "E = tanhs * sum over layers of H T B ({tanhs}; sigmoids are tanhs)."
)


def formula():
    """The floor's formula in words, for the report."""
    passes = {cell: f"{FORWARD_PASSES[cell]} + {BACKWARD_PASSES[cell]}" for cell in GATES}
    return FORMULA.format(gates=listed(GATES), passes=listed(passes), tanhs=listed(TANHS))


def listed(by_cell):
    """A dict in words."""
    return ", ".join(f"{cell} {value}" for cell, value in by_cell.items())


def floor(case, rates):
    """The least seconds of one training step of a case, from the rates of ``hardware.measure``."""
    return (
        flops(case) / rates["flops"]
        + elementwise_bytes(case) / rates["bytes"]
        + TANHS[case.cell] * state_numbers(case) / rates["tanhs"]
    )


def flops(case):
    """Flops of the products of all layers: one forward and two backward; a multiply-add counts as two."""
    G, H, L = GATES[case.cell], case.hidden, len(case.dilations)
    inputs = [case.D] + [H] * (L - 1)
    return 3 * 2 * sum(G * H * (D + 1 + H) for D in inputs) * case.T * case.B


def elementwise_bytes(case):
    """Least memory traffic of the cells in float32, in bytes."""
    return 4 * (FORWARD_PASSES[case.cell] + BACKWARD_PASSES[case.cell]) * state_numbers(case)


def state_numbers(case):
    """Numbers in one state array, over all layers, steps and rows."""
    return len(case.dilations) * case.hidden * case.T * case.B
