"""Analysis: checks and measurements of a model through its own forward and backward passes.

Read ``gradcheck`` first: it proves hand-written gradients, of a model or of any function, by complex steps and by central
differences. ``memory`` measures the gradient across time, the spans that really reach an output, and the activations.
``objective`` is the scalar that both differentiate: a loss of the output, or a random projection of it.
"""
