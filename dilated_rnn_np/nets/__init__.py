"""Networks: stacks of layers with an optional embedding below and an optional read-out above.

Follow the data: ``network`` checks the arguments once and chooses one of the ``plans`` (the whole sequence, segments
within a memory ``budget``, chunks without gradients), each of which calls the pass through the ``stack``, layer by
layer. ``layer`` is the interface of a layer and ``dilated_layer`` the one that folds time into the batch; ``embedding``
and ``readout`` are the linear maps at the two ends. ``model`` is the dilated RNN itself, with its single time step.
``checkpoint``, ``torch_weights`` and ``summary`` save, convert and describe models.
"""
