"""The network: the common base of the dilated RNN and the baselines, which checks all arguments."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from ..arrays import inputs
from ..arrays.backend import Array, get_backend
from ..arrays.checks import choose, fraction, one_of, positive_integer
from ..arrays.memory import check_memory
from ..arrays.streams import checked_rng
from ..device.kernels import KERNELS
from ..recurrence.cells import Cell
from ..recurrence.init import SCHEMES
from ..theory.graphs import Graph
from . import checkpoint, plans
from .budget import segment_size
from .embedding import Embedding
from .layer import Layer, Params
from .readout import Readout
from .stack import Cache, Stack, State
from .summary import LayerSummary, describe

Self = TypeVar("Self", bound="Network")
AnyCache = Cache | plans.SegmentedCache
READOUTS = ("last", "all")


class Network:
    """The common face of all architectures; a subclass builds the layers and says how it is drawn.

    Parameters
    ----------
    layers : each reads the outputs of the one before it; the first one reads x.
    output_size, readout, dtype, rng, xp, dropout, embedding, input_init, recurrent_init : as in ``DilatedRNN``.
    width : K, how many of the top layer's newest outputs the read-out fuses.
    params : arrays on the host to take over as parameters, as ``load`` does; None draws them. A subclass passes it on.

    Attributes
    ----------
    params : the live arrays by name, "layers.0.W_x" … "readout.b"; writing into them changes the model.
    """

    cell: Cell | None = None
    settings: tuple[str, ...] = ()  # the constructor's arguments beside the sizes and these; each is also an attribute
    annealed: tuple[str, ...] = ()  # settings that training changes: a resumed run takes them from its checkpoint
    note: Any = None  # the note of the training run, on a loaded model

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        checkpoint.register(cls)

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
        params: Params | None = None,
    ) -> None:
        layers, first, last = list(layers), None, None
        self.input_size, self.hidden_sizes = layers[0].input_size, tuple(layer.hidden_size for layer in layers)
        self.output_size = None if output_size is None else positive_integer("output_size", output_size)
        self.embedding = None if embedding is None else positive_integer("embedding", embedding)
        self.readout, self.dropout = one_of("readout", readout, READOUTS), fraction("dropout", dropout)
        self.xp, self.width = get_backend(xp), width
        self.input_init, self.recurrent_init = input_init, recurrent_init
        schemes = choose("input_init", input_init, SCHEMES), choose("recurrent_init", recurrent_init, SCHEMES)
        if self.embedding is not None:
            first = Embedding(self.input_size, self.embedding)
            layers[0] = replace(layers[0], input_size=first.size)  # type: ignore[type-var]
        if self.output_size is not None:
            last = Readout(self.hidden_sizes[-1], self.output_size, width, self.readout)
        self.stack = Stack(tuple(layers), first, last)
        self._check_sizes()
        dtype = inputs.dtype(dtype)
        if params is None:
            drawn = self.stack.initial_params(checked_rng("rng", rng, "weights"), *schemes)
            params = {name: array.astype(dtype) for name, array in drawn.items()}
        else:
            shapes = self.stack.param_shapes()
            if words := checkpoint.difference(params, shapes, dtype):
                raise ValueError(f"params must fit the architecture: {words}")
            params = {name: params[name].astype(dtype, copy=False) for name in shapes}
        self.params: Params = {name: self.xp.asarray(array) for name, array in params.items()}

    def _check_sizes(self) -> None:
        """Refuse sizes that need more than the machine's memory for the parameters or for the state of one batch row."""
        sizes = {"input_size": self.input_size, "hidden_size": max(self.hidden_sizes), "embedding": self.embedding}
        sizes |= {"output_size": self.output_size, "fusion layer of width": self.width}
        largest, name = max((size, name) for name, size in sizes.items() if size is not None)
        check_memory(f"{name} {largest}", 8 * self.stack.num_parameters, "its parameters")
        longest = max(layer.steps_in_state for layer in self.layers)
        check_memory(f"dilation {longest}", 4 * self.stack.state_size(1), "the state of one batch row")

    # ------------------------------------------------------------------ forward and backward

    def forward(
        self,
        x: Array | Iterator[Array],
        state: State | None = None,
        lengths: Any = None,
        keep: bool = True,
        rng: int | np.random.Generator | None = None,
        budget: int | None = None,
        reuse: AnyCache | None = None,
    ) -> tuple[Array, State, Any]:
        """Run the network over a batch of sequences, in the dtype of the parameters.

        Parameters
        ----------
        x : (T, B, D), real numbers; complex x is computed in complex numbers, for gradient checks. With ``keep=False`` also an
            iterator of chunks of one long sequence, (T, B, D) each.
        state : returned by an earlier call, to continue from there; None for zeros.
        lengths : (B,) whole numbers in 0..T; positions ``t >= lengths[b]`` influence nothing. None: all are T long.
        keep : False keeps nothing for backward and returns None for the cache; without dropout, memory is that of states and
            outputs.
        rng : a seed or Generator for dropout; None runs without dropout, as in evaluation.
        budget : bytes that may be held for backward, beside copies of x. The rest is computed again by backward, in
            segments: equal gradients (though dropout draws other masks) in a third to a half more time.
        reuse : a cache that is no longer needed. It is consumed: its buffers are overwritten where the shapes are equal, else
            freed first, and a later backward on it raises.

        Returns
        -------
        output : (B, O) for read-out "last", (T, B, O) for "all", (T, B, H) without a read-out; 0 past a row's length.
        state : a list with one tuple per layer of each row's last d steps, (d, B, H) each, in time order.
        cache : for ``backward``; None with ``keep=False``.

        Raises
        ------
        ValueError or TypeError : for wrong shapes, dtypes, lengths, modules, or numbers that are not finite.
        """
        if isinstance(x, Iterator):
            if keep or not (lengths is None and rng is None and budget is None and reuse is None):
                raise TypeError("an iterator of chunks goes with keep=False and without lengths, rng, budget and reuse")
            return *self._forward_chunks(x, state), None
        x = inputs.sequence(self.xp, x, self.input_size)
        T, B, _ = x.shape
        lengths = inputs.row_lengths(lengths, T, B, self.xp)
        dropout_rng = checked_rng("rng", rng, "dropout") if rng is not None and self.dropout > 0 else None
        x, state, params = self._in_one_dtype(x, state)
        if lengths is not None:
            lengths = self.xp.asarray(lengths)
            x = self.xp.where(self.xp.arange(T)[:, None, None] >= lengths[:, None], 0, x)  # condition: (T, B, 1)
        inputs.finite("x", x)
        size = T
        if budget is not None and keep:
            size = segment_size(self.stack, params, T, B, x.dtype.itemsize, dropout_rng is not None, budget)
        old = self._consume(reuse, x if keep and size == T else None)

        # The buffers of a chunk are then about as large as the states.
        chunk = max(plans.CHUNK, 2 * max(layer.steps_in_state for layer in self.layers))
        if not keep and dropout_rng is None and chunk < T:
            return *plans.chunks(self.stack, params, plans.in_chunks(x, lengths, chunk), state), None
        cache: AnyCache
        batch = params, x, state, lengths
        if size < T:
            output, state, cache = plans.segments(self.stack, *batch, self.dropout, dropout_rng, size)
        else:
            output, state, cache = self.stack.forward(*batch, keep, self.dropout, dropout_rng, old)
        cache.output_shape, cache.signature = output.shape, self._signature()
        return output, state, cache if keep else None

    def backward(
        self, doutput: Array, cache: AnyCache, dstate: State | None = None, output_grads: list[Array] | None = None
    ) -> tuple[Array, State, Params]:
        """Backpropagate through time: mirror ``forward``, top layer first.

        Parameters
        ----------
        doutput : the gradient of the output, of its shape. cache : from ``forward``; it can be used again.
        dstate : the gradient of the returned state, of its structure; None for zeros.
        output_grads : an empty list, to be filled with the whole gradient that reached the outputs of each layer, (T, B, H).

        Returns
        -------
        dx : (T, B, D). dstate : the gradient of the given state. grads : with the keys and shapes of ``params``.
        """
        if not isinstance(cache, AnyCache):
            raise TypeError(f"cache must come from forward(…, keep=True), got {type(cache).__name__}")
        if cache.consumed:
            raise ValueError(
                "the cache was consumed by forward(…, reuse=cache); call forward again, keep the new cache"
            )
        if cache.signature != self._signature():
            raise ValueError(f"the cache is of another model, {cache.signature[0]}; pass it to the one that made it")
        doutput = inputs.gradient(self.xp, "doutput", doutput, cache.output_shape, cache.dtype)
        B = cache.x_shape[1]
        if dstate is None:
            dstate = self.zero_state(B, cache.dtype)
        else:
            checked = inputs.state(self.xp, "dstate", dstate, self._state_shapes(B))
            dstate = [tuple(inputs.in_dtype("dstate", a, cache.dtype) for a in entry) for entry in checked]
        if isinstance(cache, Cache):
            dx, dgiven, grads = self.stack.backward(doutput, cache, dstate, output_grads)
        else:
            dx, dgiven, grads = plans.segments_backward(doutput, cache, dstate, output_grads)
        return dx, dgiven, {name: grads[name] for name in self.params}

    def step(self, x_t: Array, state: State | None = None) -> tuple[Array, State]:
        """Run one time step; T such steps equal ``forward`` over T, and each costs the same, whatever came before.

        Parameters
        ----------
        x_t : (B, D). state : returned by the step before, None at the start.

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
        x_t = inputs.numeric("x_t", inputs.same_module(self.xp, "x_t", x_t))
        if x_t.ndim != 2 or x_t.shape[1] != self.input_size or not len(x_t):
            raise ValueError(f"x_t must be one time step, (B, {self.input_size}), got shape {x_t.shape}")
        inputs.finite("x_t", x_t)
        x, state, params = self._in_one_dtype(x_t[None], state)
        return self._step(params, x, state)

    def _step(self, params: Params, x: Array, state: State) -> tuple[Array, State]:
        """Run one checked time step x (1, B, D)."""
        output, state, _ = self.stack.forward(params, x, state, None, keep=False)
        return output if self.stack.reads_last else output[0], state

    def _forward_chunks(self, x: Iterator[Array], state: State | None) -> tuple[Array, State]:
        """Run the chunks of an iterator, each checked as it comes."""
        checked = inputs.chunks(self.xp, x, self.input_size)
        first, state, params = self._in_one_dtype(next(checked), state)
        rest = (inputs.in_dtype("x", chunk, first.dtype) for chunk in checked)
        return plans.chunks(self.stack, params, ((chunk, None) for chunk in itertools.chain([first], rest)), state)

    def _in_one_dtype(self, x: Array, state: State | None) -> tuple[Array, State, Params]:
        """Return x (T, B, D), a checked state or zeros, and the parameters, all in the dtype of the pass."""
        B = x.shape[1]
        given = [] if state is None else inputs.state(self.xp, "state", state, self._state_shapes(B))
        dtype = inputs.working_dtype(self.dtype, [x, *(array for entry in given for array in entry)])
        given = [tuple(a.astype(dtype, copy=False) for a in entry) for entry in given] or self.zero_state(B, dtype)
        return x.astype(dtype, copy=False), given, {k: p.astype(dtype, copy=False) for k, p in self.params.items()}

    def _consume(self, reuse: AnyCache | None, x: Array | None) -> list[Any] | None:
        """Mark a cache as consumed, and return its layers' buffers where a pass over x can overwrite them."""
        if reuse is None:
            return None
        if not isinstance(reuse, AnyCache):
            raise TypeError(f"reuse must be a cache that forward returned, got {type(reuse).__name__}")
        layers = None
        if isinstance(reuse, Cache) and not reuse.consumed and x is not None:
            fits = reuse.x_shape == x.shape and reuse.dtype == x.dtype and reuse.signature == self._signature()
            layers = reuse.layers if fits else None
        reuse.__dict__ = {"consumed": True}  # all other buffers are freed before the pass allocates its own
        return layers

    def _signature(self) -> tuple[Any, ...]:
        """Return the settings that two models must share for the cache of one to serve the other.

        Cells are compared by class, options and attributes, so copies of a model serve as well as the model.
        """
        layers = [{k: v for k, v in vars(layer).items() if not isinstance(v, Cell)} for layer in self.layers]
        cell = self.cell and repr((type(self.cell).__qualname__, self.cell.options(), vars(self.cell)))
        return repr(self), self.xp.__name__, layers, cell

    # ------------------------------------------------------------------ state

    def zero_state(self, batch_size: int, dtype: Any = None) -> State:
        """Return the state before the first step: zeros, in the parameters' dtype unless another is given."""
        shapes, dtype = self._state_shapes(batch_size), self.dtype if dtype is None else dtype
        return [tuple(self.xp.zeros(shape, dtype=dtype) for shape in entry) for entry in shapes]

    def _state_shapes(self, B: int) -> list[list[tuple[int, ...]]]:
        return [layer.state_shapes(B) for layer in self.layers]

    # ------------------------------------------------------------------ parameters

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, the lowest first."""
        return self.stack.layers

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the parameters."""
        return np.result_type(*{array.dtype for array in self.params.values()})

    @property
    def num_parameters(self) -> int:
        """How many numbers the parameters hold."""
        return sum(array.size for array in self.params.values())

    def config(self) -> dict[str, Any]:
        """Return the arguments that build a model of the same architecture, as plain numbers and words."""
        names = (*self.settings, "output_size", "readout", "dropout", "embedding", "input_init", "recurrent_init")
        sizes = {"input_size": self.input_size, "hidden_size": self.hidden_sizes}
        return sizes | {name: getattr(self, name) for name in names} | {"dtype": self.dtype.name}

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

    def to(self: Self, backend: str | ModuleType, kernels: str = "plain") -> Self:
        """Return a copy whose parameters live on another backend.

        Parameters
        ----------
        backend : "numpy", "cupy", "auto", or the module itself.
        kernels : how layers are computed on a GPU, one of ``device.kernels.KERNELS``: "plain", "fused" or "persistent".
        """
        xp = get_backend(backend)
        one_of("kernels", kernels, KERNELS)
        source = self.params if xp is self.xp else checkpoint.host_params(self)
        twin = self._with_params(xp, {name: xp.array(array) for name, array in source.items()})
        layers: tuple[Any, ...] = self.layers
        layers = tuple(replace(layer, kernels=kernels) if hasattr(layer, "kernels") else layer for layer in layers)
        twin.stack = replace(self.stack, layers=layers)
        return twin

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
        arrays, config = checkpoint.model_record(self)
        checkpoint.write(path, arrays, {"model": config})

    # ------------------------------------------------------------------ description

    def __repr__(self) -> str:
        settings = self.config() | ({"cell": self.cell.name} if self.cell else {})
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in settings.items())})"

    def graph(self) -> Graph:
        """Return the cyclic graph of the architecture, for ``paths`` and ``plot``."""
        raise TypeError(f"{type(self).__name__} has no graph: define graph(self)")

    def layer_summaries(self) -> list[LayerSummary]:
        """Return how each layer is presented in tables and pictures."""
        return [LayerSummary(type(layer).__name__, f"layer {i}") for i, layer in enumerate(self.layers)]

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
