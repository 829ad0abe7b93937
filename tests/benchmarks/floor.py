"""The floor: how long a training step must take if every product runs at the peak rate and nothing is done twice.

It counts the exact flops of the products, the least memory traffic of the elementwise part, and its tanh evaluations (a
sigmoid is one), and divides each by the rate measured in the same run. No implementation is faster by much, since
the three can overlap only a little; how far each is away can be compared between cells and sizes.
"""

GATES = {"rnn": 1, "lstm": 4, "gru": 3}

# Arrays of (H, T*B) numbers that one fused forward and one fused backward of the cell have to move: each input read once,
# each output written once. What forward writes beside its state is what backward reads again.
FORWARD_PASSES = {
    "rnn": 1 + 1,  # read a; write h
    "lstm": 5 + 7,  # read a_i a_f a_g a_o c_prev; write i f g o tanh_c, c, h
    "gru": 5 + 4,  # read a_r a_z a_n a_nh h_prev; write r z n, h (a_nh is kept as it lies)
}
BACKWARD_PASSES = {
    "rnn": 2 + 1,  # read dh h; write da
    "lstm": 8 + 5,  # read dh dc i f g o c_prev tanh_c; write da_i da_f da_g da_o dc_prev
    "gru": 6 + 5,  # read dh r z n a_nh h_prev; write da_r da_z da_n da_nh dh_prev
}
TANHS = {"rnn": 1, "lstm": 5, "gru": 3}  # in forward, a number of the state; backward is written in terms of outputs

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
    """The seconds that one training step of a case needs at least, from ``hardware.measure``'s rates."""
    return (
        flops(case) / rates["flops"]
        + elementwise_bytes(case) / rates["bytes"]
        + TANHS[case.cell] * state_numbers(case) / rates["tanhs"]
    )


def flops(case):
    """Flops of the products of all layers: one forward and two backward, a multiply-add counting two."""
    G, H, L = GATES[case.cell], case.hidden, len(case.dilations)
    inputs = [case.D] + [H] * (L - 1)
    return 3 * 2 * sum(G * H * (D + 1 + H) for D in inputs) * case.T * case.B


def elementwise_bytes(case):
    """Least traffic of the cells in bytes of float32."""
    return 4 * (FORWARD_PASSES[case.cell] + BACKWARD_PASSES[case.cell]) * state_numbers(case)


def state_numbers(case):
    """How many numbers one state array has over all layers and the whole batch."""
    return len(case.dilations) * case.hidden * case.T * case.B
