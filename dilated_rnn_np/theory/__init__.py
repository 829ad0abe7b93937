"""Theory: how many edges information travels through a recurrent architecture. Graphs and integers only, no model.

Read ``graphs`` first: it describes an architecture as a cyclic graph; ``dilations`` are the paper's. ``paths`` is the core:
shortest paths, the recurrent length ``d_i(n)``, its mean over a cycle and the closed forms of that mean.
``measures`` counts the cost of short paths: edges, parameters and the receptive field. ``search`` looks for dilations with
shorter paths than the powers of two.
"""
