"""The library as a contender: one training step as ``fit`` makes it."""

import numpy as np

import dilated_rnn_np as drn
from benchmarks.cases import with_prefix


class Contender:
    """A model with its optimizer, and one batch on the model's backend."""

    def __init__(self, case, start, threads, quick=False, xp=np, kernels="plain"):
        self.x, self.targets = xp.asarray(start["x"]), xp.asarray(start["targets"])
        model = drn.DilatedRNN(case.D, case.hidden, case.dilations, case.cell, case.classes, "last", dtype=case.dtype)
        self.model, self.cache = model.to(xp, kernels), None
        for name, array in with_prefix(start, "params/").items():
            self.model.params[name][...] = xp.asarray(array)
        self.optimizer = drn.optim.RMSProp(self.model.params, lr=1e-3, decay=0.9, eps=1e-8)
        self.memory = {} if case.budget is None else {"budget": case.budget}
        self.to_host = getattr(xp, "asnumpy", np.asarray)

    def describe(self):
        """Versions and threads, for the head of the report."""
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        version = f"dilated_rnn_np {drn.__version__} on NumPy {np.__version__}, {blas['name']} {blas['version']}"
        return {"version": version, "threads": f"{drn.get_num_threads()}, each with a single-threaded BLAS"}

    def train(self):
        """One training step, in the buffers of the one before."""
        output, _, self.cache = self.model.forward(self.x, reuse=self.cache, **self.memory)
        self.loss, doutput = drn.losses.softmax_cross_entropy(output, self.targets)
        _, _, self.grads = self.model.backward(doutput, self.cache)
        self.optimizer.step(self.grads)

    def results(self):
        """Loss and gradients of the last training step."""
        return float(self.to_host(self.loss)), {name: self.to_host(grad) for name, grad in self.grads.items()}

    def forward(self):
        """The logits of the batch, without a cache for backward."""
        return self.to_host(self.model.forward(self.x, keep=False)[0])

    def inputs_of(self, x):
        """The time steps of a sequence (T, B, D), in the form that ``stream`` takes."""
        return list(x)

    def stream(self, inputs, state=None):
        """Take one step at a time; returns the last logits and the state after them."""
        for x_t in inputs:
            output, state = self.model.step(x_t, state)
        return output, state
