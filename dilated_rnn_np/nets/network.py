"""A stack of recurrent layers with an optional read-out: what the dilated RNN and the systems it is compared with share.

A network runs its layers one upon the other over a whole batch of sequences, forward and backward, and hands on their
state. Parameters live in one flat dict; all that backward needs is in the cache, nothing hides on the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from ..arrays import inputs, threads
from ..arrays.backend import Array, device_memory, get_backend, to_host
from ..arrays.checks import checked_rng, choose, fraction, positive_integer
from ..recurrence.cells import Cell
from ..recurrence.init import SCHEMES
from ..theory.graphs import Graph
from . import segments, workspace
from .cache import Cache, signature
from .embedding import Embedding
from .layers import Ends, Layer, Params, dropout_mask
from .readout import Readout
from .segments import AnyCache, SegmentedCache
from .summary import describe

State = list[tuple[Array, ...]]
Self = TypeVar("Self", bound="Network")
READOUTS = {"last": "last", "all": "all"}
LIBRARY = __name__.partition(".")[0]
UNSHOWN = ("dropout", "input_init", "recurrent_init")  # settings that change neither shapes nor results of a pass
ARCHITECTURES: dict[str, type[Network]] = {}  # every subclass by its name, so that checkpoints find it


class Network:
    """The common face of all architectures; a subclass builds the layers and says how it is drawn.

    Parameters
    ----------
    layers : each reads the outputs of the one before it; the first one reads x.
    output_size, readout, dtype, rng, xp, dropout, embedding, input_init, recurrent_init : as in ``DilatedRNN``.
    width : K, how many of the top layer's newest outputs the read-out fuses.

    Attributes
    ----------
    params : the live arrays by name, "layers.0.W_x" … "readout.b"; writing into them changes the model.
    """

    cell: Cell | None = None
    annealed: tuple[str, ...] = ()  # settings that training changes: a resumed run takes them from its checkpoint
    note: Any = None  # of fit, on a model loaded from a run's checkpoint

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        known = ARCHITECTURES.get(cls.__name__)
        if known is None or not known.__module__.startswith(f"{LIBRARY}."):  # the library's own names stay its own
            ARCHITECTURES[cls.__name__] = cls

    def __init__(
        self,
        layers: Sequence[Layer],
        output_size: int | None = None,
        readout: str = "last",
        dtype: Any = "float32",
        rng: int | np.random.Generator = 0,
        xp: ModuleType | str = np,
        *,
        width: int = 1,
        dropout: float = 0.0,
        embedding: int | None = None,
        input_init: str = "glorot_uniform",
        recurrent_init: str = "orthogonal",
    ) -> None:
        self.layers, self.width = list(layers), width
        self.input_size = self.layers[0].input_size
        self._embedding = None if embedding is None else Embedding.before(self.layers, embedding)
        self.hidden_sizes = tuple(layer.hidden_size for layer in self.layers)
        self.output_size = None if output_size is None else positive_integer("output_size", output_size)
        self.readout, self.dropout = choose("readout", readout, READOUTS), fraction("dropout", dropout)
        self.xp = get_backend(xp)
        self.input_init, self.recurrent_init = input_init, recurrent_init
        schemes = choose("input_init", input_init, SCHEMES), choose("recurrent_init", recurrent_init, SCHEMES)
        dtype = inputs.dtype(dtype)
        self._readout = None
        if self.output_size is not None:
            self._readout = Readout(self.hidden_sizes[-1], self.output_size, self.width, self.readout)

        rng = checked_rng("rng", rng)
        drawn = {"embedding": self._embedding.initial_params(rng, schemes[0])} if self._embedding else {}
        drawn |= {f"layers.{i}": layer.initial_params(rng, *schemes) for i, layer in enumerate(self.layers)}
        if self._readout:
            drawn["readout"] = self._readout.initial_params(rng)
        self.params: Params = {
            f"{owner}.{name}": self.xp.asarray(array.astype(dtype))
            for owner, arrays in drawn.items()
            for name, array in arrays.items()
        }

    # ------------------------------------------------------------------ forward and backward

    def forward(
        self,
        x: Array | Iterator[Array],
        state: State | None = None,
        lengths: Any = None,
        keep: bool = True,
        rng: int | np.random.Generator | None = None,
        budget: int | None = None,
    ) -> tuple[Array, State, AnyCache | None]:
        """Run the network over a batch of sequences.

        Parameters
        ----------
        x : (T, B, D); with ``keep=False`` also an iterator of chunks of one long sequence, (T, B, D) each.
        state : what an earlier call returned, to go on from there; None for zeros.
        lengths : (B,) whole numbers in 0..T; positions ``t >= lengths[b]`` influence nothing. None: all are T long.
        keep : False keeps nothing for backward, and returns None for the cache; memory is that of states and outputs.
        rng : a seed or Generator for dropout; None runs without dropout, as in evaluation.
        budget : bytes that may be kept for backward, beside a copy of x. What would be more is computed again by backward, in
            segments: equal gradients (though dropout draws other masks) in a third to a half more time.

        Returns
        -------
        output : (B, O) for read-out "last", (T, B, O) for "all", (T, B, H) without a read-out; 0 past a row's length.
        state : a list with one tuple a layer of the row's last d steps, (d, B, H) each, in time order; with a fusion
            layer (K > 1) one tuple more, the newest K-1 outputs of the top layer, (K-1, B, H).
        cache : for ``backward``; None with ``keep=False``.

        Raises
        ------
        ValueError or TypeError : for wrong shapes, dtypes, lengths, modules, or numbers that are not finite.
        """
        if isinstance(x, Iterator):
            if keep or not (lengths is None and rng is None and budget is None):
                raise TypeError("an iterator of chunks goes with keep=False and without lengths, rng and budget")
            return *segments.forward_only(self, ((chunk, None) for chunk in x), state), None
        x = inputs.sequence(self.xp, x, self.input_size)
        T, B, D = x.shape
        lengths = inputs.row_lengths(lengths, T, B, self.xp)
        rng = checked_rng("rng", rng) if rng is not None and self.dropout > 0 else None
        given = [] if state is None else inputs.state(self.xp, "state", state, self._state_shapes(B))
        dtype = inputs.working_dtype(self.dtype, [x, *(array for entry in given for array in entry)])
        if budget is not None and keep:
            size = segments.size_within(self, T, B, dtype.itemsize, budget)
            if size < T:
                return segments.forward(self, x, state, lengths, rng, size)
        chunk = max(segments.CHUNK, 2 * self.steps_in_state)  # then its buffers are about as large as the states
        if not keep and rng is None and chunk < T:
            return *segments.forward_only(self, segments.in_chunks(x, lengths, chunk), state), None

        ends = Ends.of(self.xp, T, B, lengths)
        given = [tuple(a.astype(dtype, copy=False) for a in entry) for entry in given] or self.zero_state(B, dtype)
        if ends.valid is not None:
            x = self.xp.where(ends.valid.reshape(T, B, 1), x, 0)
        inputs.finite("x", x)
        rows = x.reshape(T * B, D).T.astype(dtype, copy=False)  # (T, B, D) -> (D, T*B)

        key = (signature(self), T, B, dtype, [len(layer.parts(B)) for layer in self.layers])
        cache = Cache(repr(self), key[0], (T, B, D), ends, dtype, max(key[-1]) > 1, key)
        spare = (workspace.take(cache.key) if keep else []) or [None] * len(self.layers)
        new_state: State = []
        with self._at_work(cache.split):
            if self._embedding:
                rows, cache.embedding = self._embedding.forward(self._owned_by("embedding", dtype), rows)  # (E, T*B)
            for i, layer in enumerate(self.layers):
                mask = dropout_mask(rng, self.dropout, rows) if rng is not None and i > 0 else None
                rows = rows if mask is None else rows * mask
                params = self._owned_by(f"layers.{i}", dtype)
                new, layer_cache = layer.forward(params, rows, given[i], ends, keep, spare[i])
                rows = layer.outputs(layer_cache)  # (H, T*B)
                new_state.append(new)
                if keep:
                    cache.layers.append(layer_cache)
                    cache.masks.append(mask)

        if self._readout:
            history = layer.outputs(layer_cache, self.width)  # (H, (K+T)*B)
            newest = given[-1][0] if self.width > 1 else None  # (K-1, B, H)
            output, tail, cache.readout = self._readout.forward(self._owned_by("readout", dtype), history, newest, ends)
            new_state += [(tail,)] if self.width > 1 else []
        else:
            rows = rows if ends.valid is None else self.xp.where(ends.valid, rows, 0)
            output = rows.T.copy().reshape(T, B, -1)  # (H, T*B) -> (T, B, H)
        cache.output_shape = output.shape
        return output, new_state, cache if keep else None

    def backward(
        self, doutput: Array, cache: AnyCache, dstate: State | None = None, flow: list[Array] | None = None
    ) -> tuple[Array, State, Params]:
        """Backpropagate through time: mirror ``forward``, top layer first.

        Parameters
        ----------
        doutput : the gradient of the output, of its shape. cache : from ``forward``; it can be used again.
        dstate : the gradient of the returned state, of its structure; None for zeros.
        flow : an empty list that is filled with one array a layer, (T, B, H): the whole gradient that reached its outputs.

        Returns
        -------
        dx : (T, B, D). dstate : the gradient of the given state. grads : with the keys and shapes of ``params``.
        """
        if not isinstance(cache, AnyCache):
            raise TypeError(f"cache must come from forward(…, keep=True), got {type(cache).__name__}")
        if cache.released:
            raise ValueError("the cache has been released and its buffers are gone; call forward again")
        if cache.signature != signature(self):
            raise ValueError(f"the cache is of another model, {cache.model}; pass it to the one whose forward made it")
        doutput = inputs.gradient(self.xp, "doutput", doutput, cache.output_shape, cache.dtype)
        if isinstance(cache, SegmentedCache):
            return segments.backward(doutput, cache, dstate, flow)
        (T, B, D), dtype, ends = cache.x_shape, cache.dtype, cache.ends
        if dstate is None:
            dstate = self.zero_state(B, dtype)
        else:
            checked = inputs.state(self.xp, "dstate", dstate, self._state_shapes(B))
            dstate = [tuple(inputs.in_dtype("dstate", a, dtype) for a in entry) for entry in checked]

        grads: Params = {}
        dgiven: State = []
        if self._readout and cache.readout:
            dtail = dstate[-1][0] if self.width > 1 else None  # (K-1, B, H)
            drows, doldest, dnewest, own = self._readout.backward(cache.readout, doutput, dtail)
            grads |= {f"readout.{name}": grad for name, grad in own.items()}
            dgiven += [(dnewest,)] if self.width > 1 else []
        else:
            drows = doutput.reshape(T * B, -1).T.copy()  # (T, B, H) -> (H, T*B)
            drows = drows if ends.valid is None else self.xp.where(ends.valid, drows, 0)
        with self._at_work(cache.split):
            for i in reversed(range(len(self.layers))):
                reached = None if flow is None else self.xp.empty_like(drows)
                drows, dentry, own = self.layers[i].backward(cache.layers[i], drows, dstate[i], reached)
                if flow is not None and reached is not None:
                    flow.insert(0, reached.T.reshape(T, B, -1))  # (H, T*B) -> (T, B, H)
                grads |= {f"layers.{i}.{name}": grad for name, grad in own.items()}
                drows = drows if cache.masks[i] is None else drows * cache.masks[i]
                dgiven.insert(0, dentry)
            if self._embedding and cache.embedding:
                drows, grads["embedding.W"] = self._embedding.backward(cache.embedding, drows)
        if cache.readout:
            dgiven[len(self.layers) - 1][0][-self.width] += doldest  # (B, H): the output at time -K
        dx = drows.T.copy().reshape(T, B, D)  # (D, T*B) -> (T, B, D)
        return dx, dgiven, {name: grads[name] for name in self.params}

    def _at_work(self, split: bool) -> Any:
        """Return the context that a pass runs in: the BLAS keeps to one thread where a layer is split over threads."""
        if self.xp is not np:
            return device_memory(self.xp)
        return threads.at_work(1 if split else threads.get_num_threads())

    def step(self, x_t: Array, state: State | None = None) -> tuple[Array, State]:
        """Run one time step; T such steps equal ``forward`` over T, and each costs the same, whatever came before.

        Parameters
        ----------
        x_t : (B, D). state : what the step before returned, None at the start.

        Returns
        -------
        output : (B, O), or (B, H) without a read-out. state : for the next step.

        Examples
        --------
        >>> from dilated_rnn_np import DilatedRNN
        >>> model = DilatedRNN(1, 4, [1, 2, 4], output_size=1)
        >>> state = None
        >>> for x_t in np.zeros((6, 2, 1), "float32"):
        ...     output, state = model.step(x_t, state)
        >>> output.shape
        (2, 1)
        """
        x_t, given, dtype = self._checked_step(x_t, state)
        output, new_state, _ = self.forward(x_t[None].astype(dtype, copy=False), given, keep=False)
        return output if self.reads_last else output[0], new_state

    def _checked_step(self, x_t: Any, state: State | None) -> tuple[Array, State, np.dtype]:
        """Return x_t (B, D), the state and the working dtype."""
        x_t = inputs.numeric("x_t", inputs.same_module(self.xp, "x_t", x_t))
        if x_t.ndim != 2 or x_t.shape[1] != self.input_size or not len(x_t):
            raise ValueError(f"x_t must be one time step, (B, {self.input_size}), got shape {x_t.shape}")
        inputs.finite("x_t", x_t)
        given = [] if state is None else inputs.state(self.xp, "state", state, self._state_shapes(len(x_t)))
        dtype = inputs.working_dtype(self.dtype, [x_t, *(array for entry in given for array in entry)])
        return x_t, given or self.zero_state(len(x_t), dtype), dtype

    # ------------------------------------------------------------------ state

    def zero_state(self, batch_size: int, dtype: Any = None) -> State:
        """Return the state before the first step: zeros, in the parameters' dtype unless another is given."""
        dtype = self.dtype if dtype is None else dtype
        return [tuple(self.xp.zeros(shape, dtype=dtype) for shape in entry) for entry in self._state_shapes(batch_size)]

    def _state_shapes(self, B: int) -> list[list[tuple[int, ...]]]:
        shapes = [layer.state_shapes(B) for layer in self.layers]
        if self._readout and self.width > 1:
            shapes.append([(self.width - 1, B, self.hidden_sizes[-1])])
        return shapes

    @property
    def steps_in_state(self) -> int:
        """How many time steps the longest array of the state holds."""
        return max(shape[0] for entry in self._state_shapes(1) for shape in entry)

    # ------------------------------------------------------------------ parameters

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the parameters."""
        return np.result_type(*{array.dtype for array in self.params.values()})

    @property
    def reads_last(self) -> bool:
        """Whether there is one output a sequence, read out at its end."""
        return self._readout is not None and self.readout == "last"

    @property
    def num_parameters(self) -> int:
        """How many numbers the parameters hold."""
        return sum(array.size for array in self.params.values())

    def _owned_by(self, owner: str, dtype: np.dtype) -> Params:
        """Return the parameters of one layer or of the read-out in the working dtype, without the owner's prefix."""
        prefix = owner + "."
        return {
            key[len(prefix) :]: p.astype(dtype, copy=False) for key, p in self.params.items() if key.startswith(prefix)
        }

    def config(self) -> dict[str, Any]:
        """Return the arguments that build a model of the same architecture, as plain numbers and words."""
        return {
            "output_size": self.output_size,
            "readout": self.readout,
            "dtype": self.dtype.name,
            "dropout": self.dropout,
            "embedding": self._embedding.size if self._embedding else None,
            "input_init": self.input_init,
            "recurrent_init": self.recurrent_init,
        }

    def astype(self: Self, dtype: Any) -> Self:
        """Return a copy with parameters of another dtype.

        >>> from dilated_rnn_np import DilatedRNN
        >>> DilatedRNN(1, 2, [1]).astype("complex128").params["layers.0.b"].dtype
        dtype('complex128')
        """
        dtype = inputs.dtype(dtype)
        if self.dtype.kind == "c" and dtype.kind != "c":
            raise TypeError(f"a model of {self.dtype} cannot become {dtype.name}: the imaginary parts would be lost")
        return self._with_params(self.xp, {name: array.astype(dtype) for name, array in self.params.items()})

    def to(self: Self, backend: str | ModuleType) -> Self:
        """Return a copy whose parameters live on another backend, "numpy" or "cupy"."""
        xp = get_backend(backend)
        move = (lambda array: array.copy()) if xp is self.xp else (lambda array: xp.asarray(to_host(array).copy()))
        return self._with_params(xp, {name: move(array) for name, array in self.params.items()})

    def _with_params(self: Self, xp: ModuleType, params: Params) -> Self:
        twin = object.__new__(type(self))
        twin.__dict__ |= self.__dict__ | {"xp": xp, "params": params}
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Name the array module, which can be neither copied nor pickled."""
        return self.__dict__ | {"xp": self.xp.__name__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state | {"xp": get_backend(state["xp"])}

    def save(self, path: Any) -> None:
        """Write the model to a file that ``load`` reads, atomically and without pickle."""
        from .checkpoint import save_model

        save_model(path, self)

    # ------------------------------------------------------------------ description

    def __repr__(self) -> str:
        settings = self.config() | ({"cell": self.cell.name} if self.cell else {})
        shown = {name: value for name, value in settings.items() if name not in UNSHOWN}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def graph(self) -> Graph:
        """Return the cyclic graph of the architecture, for ``paths`` and ``plot``."""
        raise TypeError(f"{type(self).__name__} has no graph: define graph(self)")

    def reach(self) -> str:
        """Return one clause for the summary: how far back the network can look."""
        return "the stack reaches back to every earlier step"

    def summary(self) -> None:
        """Print the layers, their shapes, parameters and reach.

        >>> from dilated_rnn_np import DilatedRNN
        >>> DilatedRNN(1, 20, [1, 2], cell="gru", output_size=10).summary()
        layer     cell    dilation   input  hidden  parameters  reaches back
        0         gru            1       1      20       1,340  t-1, t-2, …
        1         gru            2      20      20       2,480  t-2, t-4, …
        readout   last                  20      10         210  affine
        4,030 parameters (float32); the stack reaches back to every earlier step; one hop in each layer spans 3 steps
        """
        print(describe(self))
