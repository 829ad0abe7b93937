"""Exercises of tutorial 4: gates."""

import numpy as np
from solutions import ex04 as solutions
from solutions.ex04 import sigmoid

from . import Exercise, Mistake


def lstm_step(rng, B=3, H=4):
    a_i, a_f, a_g, a_o, c_prev, dh, dc = rng.standard_normal((7, B, H))
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
    return dh, dc, i, f, g, o, c_prev, f * c_prev + i * g


def gru_step(rng, B=3, D=2, H=4):
    x_t, h_prev = rng.standard_normal((B, D)), np.tanh(rng.standard_normal((B, H)))
    W_x, W_h = rng.standard_normal((3 * H, D)), rng.standard_normal((3 * H, H)) / np.sqrt(H)
    return x_t, h_prev, W_x, W_h, rng.standard_normal(3 * H), rng.standard_normal(H)


def gru_step_back(rng, B=3, H=4):
    a_r, a_z, a_n, a_nh, h_prev, dh = rng.standard_normal((6, B, H))
    r = sigmoid(a_r)
    return dh, r, sigmoid(a_z), np.tanh(a_n + r * a_nh), a_nh, h_prev


def lstm_backward(
    dh,
    dc,
    i,
    f,
    g,
    o,
    c_prev,
    c,
    *,
    carried=True,
    squash=np.tanh,
    slope=lambda tanh_c: 1 - tanh_c**2,
    own=lambda y: y * (1 - y),
    own_g=lambda g: 1 - g**2,
    seen="c_prev",
    kept="f",
    shown=True,
    late=False,
    shown_at="c",
):
    """The LSTM's backward step with one thing changed."""
    tanh_c = squash(c)
    do = dh * (tanh_c if shown_at == "c" else np.tanh(c_prev))
    arrived = dc
    dc = (dc if carried else 0) + dh * (o if shown else 1) * slope(tanh_c)
    di, df, dg = dc * g, dc * (c_prev if seen == "c_prev" else c), dc * i
    dc_prev = (arrived if late else dc) * (f if kept == "f" else 1)
    return di * own(i), df * own(f), dg * own_g(g), do * own(o), dc_prev


def gru_forward(
    x_t,
    h_prev,
    W_x,
    W_h,
    b,
    b_h,
    *,
    keep=lambda z, n, h: (1 - z) * n + z * h,
    reset="after",
    inside=True,
    turn=True,
    gate=sigmoid,
    squash=np.tanh,
):
    """The GRU's forward step with one thing changed."""
    (W_r, W_z, W_n), (b_r, b_z, b_n) = np.split(W_x, 3), np.split(b, 3)
    U_r, U_z, U_n = (U.T if turn else U for U in np.split(W_h, 3))
    r, z = gate(x_t @ W_r.T + h_prev @ U_r + b_r), gate(x_t @ W_z.T + h_prev @ U_z + b_z)
    a_n = x_t @ W_n.T + b_n
    if reset == "before":
        a_n = a_n + (r * h_prev) @ U_n + b_h
    elif reset == "none":
        a_n = a_n + h_prev @ U_n + b_h
    elif reset == "all":
        a_n = r * (a_n + h_prev @ U_n + b_h)
    else:
        a_n = a_n + (r * (h_prev @ U_n + b_h) if inside else r * (h_prev @ U_n) + b_h)
    return keep(z, squash(a_n), h_prev)


def swapped_gates(x_t, h_prev, W_x, W_h, b, b_h):
    def swap(array):
        r, z, n = np.split(array, 3)
        return np.concatenate([z, r, n])

    return solutions.gru_forward_step(x_t, h_prev, swap(W_x), swap(W_h), swap(b), b_h)


def gru_backward(
    dh,
    r,
    z,
    n,
    a_nh,
    h_prev,
    *,
    through_tanh=True,
    seen="a_nh",
    reset=True,
    late=False,
    sign=1,
    swap=False,
    own=lambda y: y * (1 - y),
):
    """The GRU's backward step with one thing changed."""
    to_n, to_h = (z, 1 - z) if swap else (1 - z, z)
    dn, dz, dh_prev = dh * to_n, sign * dh * (h_prev - n), dh * to_h
    da_n = dn * (1 - n**2)
    dr = (da_n if through_tanh else dn) * (a_nh if seen == "a_nh" else h_prev)
    return dr * own(r), dz * own(z), da_n, (dn if late else da_n) * (r if reset else 1), dh_prev


def with_change(function, **changes):
    return lambda *arguments: function(*arguments, **changes)


EXERCISES = {
    "4.1": Exercise(
        solutions.lstm_backward_step,
        lstm_step,
        ["da_i", "da_f", "da_g", "da_o", "dc_prev"],
        [
            Mistake(
                with_change(lstm_backward, carried=False),
                "dc is lost: c is used twice, by h and by the next step, so add dh * o * (1 - tanh(c)²) to the dc that came.",
            ),
            Mistake(
                with_change(lstm_backward, late=True),
                "dc_prev is made from the dc that came; what reaches c through h belongs to it too: add up first.",
            ),
            Mistake(
                with_change(lstm_backward, shown=False),
                "the gate o is missing on the way from h to c: h = o * tanh(c), so tanh(c) gets dh * o.",
            ),
            Mistake(
                with_change(lstm_backward, slope=lambda tanh_c: 1.0),
                "the derivative of tanh(c) is missing: on the way from h to c multiply by 1 - tanh(c)².",
            ),
            Mistake(
                with_change(lstm_backward, squash=lambda c: c),
                "c is taken for tanh(c): h is o * tanh(c), and the derivative is 1 - tanh(c)².",
            ),
            Mistake(
                with_change(lstm_backward, seen="c"),
                "the gate f looks at the wrong time: f multiplied the previous memory, so df = dc * c_prev.",
            ),
            Mistake(
                with_change(lstm_backward, shown_at="c_prev"),
                "the gate o looks at the wrong time: o multiplied tanh(c) of this step, so do = dh * tanh(c).",
            ),
            Mistake(
                lambda *arguments: tuple(lstm_backward(*arguments)[k] for k in (0, 1, 3, 2, 4)),
                "da_g and da_o are exchanged: return them in the order i, f, g, o, and dc_prev last.",
            ),
            Mistake(
                with_change(lstm_backward, kept="1"),
                "dc_prev has no gate: c_prev was multiplied by f, so dc_prev = dc * f.",
            ),
            Mistake(
                with_change(lstm_backward, own_g=lambda g: g * (1 - g)),
                "the gate g is a tanh: its derivative is 1 - g², you have the sigmoid's g (1 - g).",
            ),
            Mistake(
                with_change(lstm_backward, own=lambda y: 1 - y**2),
                "the gates i, f and o are sigmoids: their derivative is y (1 - y), you have the tanh's 1 - y².",
            ),
            Mistake(
                with_change(lstm_backward, own=lambda y: 1.0, own_g=lambda g: 1.0),
                "these are the gradients of the gates i, f, g, o; those of the pre-activations still pass each gate's own derivative.",
            ),
        ],
        [
            "write the three lines of forward, and take them in reverse; h = o * tanh(c) comes first.",
            "do = dh * tanh(c); then dc = dc + dh * o * (1 - tanh(c)²); from this dc come di, df, dg and dc_prev.",
            "di, df, dg, dc_prev = dc * g, dc * c_prev, dc * i, dc * f; then y (1 - y) for i, f, o and 1 - g² for g.",
        ],
    ),
    "4.2": Exercise(
        solutions.gru_forward_step,
        gru_step,
        ["h_t"],
        [
            Mistake(
                with_change(gru_forward, keep=lambda z, n, h: z * n + (1 - z) * h),
                "z and 1 - z are exchanged: here z keeps the old state, h = (1 - z) n + z h_prev.",
            ),
            Mistake(
                with_change(gru_forward, reset="before"),
                "the reset comes before the matrix product; here it comes after: r * (W_hn h_prev + b_h).",
            ),
            Mistake(
                with_change(gru_forward, reset="none"),
                "the gate r is not used: it multiplies the candidate's recurrent part, r * (W_hn h_prev + b_h).",
            ),
            Mistake(
                with_change(gru_forward, reset="all"),
                "r multiplies the whole pre-activation of n; it belongs to the recurrent part alone, a_n + r * a_nh.",
            ),
            Mistake(
                with_change(gru_forward, inside=False),
                "b_h stands outside the reset: it is part of a_nh, so r multiplies it too.",
            ),
            Mistake(
                lambda x_t, h_prev, W_x, W_h, b, b_h: solutions.gru_forward_step(x_t, h_prev, W_x, W_h, b, 0 * b_h),
                "b_h is not used: the candidate's recurrent part is W_hn h_prev + b_h.",
            ),
            Mistake(with_change(gru_forward, gate=np.tanh), "the gates r and z are sigmoids, you take the tanh."),
            Mistake(with_change(gru_forward, squash=sigmoid), "the candidate n is a tanh, you take the sigmoid."),
            Mistake(swapped_gates, "the gates r and z are exchanged: the rows come in the order r, z, n."),
            Mistake(
                with_change(gru_forward, turn=False),
                "W_h's blocks are not transposed: rows are multiplied from the left, h_prev @ U.T.",
            ),
        ],
        [
            "cut W_x, W_h and b into three pieces each with np.split(array, 3): the gates r, z and n.",
            "r and z are sigmoids of x_t @ W.T + h_prev @ U.T + b; for n keep the two parts apart.",
            "n = np.tanh(x_t @ W_n.T + b_n + r * (h_prev @ U_n.T + b_h)); return (1 - z) * n + z * h_prev.",
        ],
    ),
    "4.3": Exercise(
        solutions.gru_backward_step,
        gru_step_back,
        ["da_r", "da_z", "da_n", "da_nh", "dh_prev"],
        [
            Mistake(
                with_change(gru_backward, through_tanh=False),
                "this is still the broken version: da_r alone is wrong, so look at dr; r stands inside the tanh, and what has "
                "passed the tanh is called …?",
            ),
            Mistake(
                with_change(gru_backward, seen="h_prev"),
                "dr is made with h_prev: r multiplied a_nh, the recurrent part after its matrix product, so dr = da_n * a_nh.",
            ),
            Mistake(
                with_change(gru_backward, reset=False), "a new mistake: a_nh was multiplied by r, so da_nh = da_n * r."
            ),
            Mistake(
                with_change(gru_backward, late=True),
                "a new mistake: da_nh is made from dn; a_nh stands inside the tanh too, so da_nh = da_n * r.",
            ),
            Mistake(with_change(gru_backward, sign=-1), "a new mistake: the sign of dz; h = n + z (h_prev - n)."),
            Mistake(
                with_change(gru_backward, swap=True),
                "a new mistake: n has the weight 1 - z and h_prev the weight z; they are exchanged.",
            ),
            Mistake(
                with_change(gru_backward, own=lambda y: 1.0),
                "da_r and da_z still have to pass the derivative of the sigmoid, y (1 - y).",
            ),
        ],
        [
            "the check names a_r alone: which line makes dr, and from what?",
            "n = tanh(a_n + r * a_nh): both a_n and r * a_nh are inside the tanh, so both get the gradient that has passed it.",
            "what is inside the tanh gets da_n; so dr = da_n * a_nh, and not dn * a_nh.",
        ],
    ),
}
