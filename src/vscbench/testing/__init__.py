"""A battery of tests that every registered coder passes, and that a coder of your own can be put through.

    pytest --pyargs vscbench.testing --coder my_module:MyPosterior

tests that class alone (the option may be repeated), under every threshold if it is a symmetric `Base`. Without the
option all families of `vscbench.coders.FAMILIES` are tested. What a coder is decides which tests it is given: a
`Posterior` has those of its map from noise to codes, its moments and its divergence, every coder those of shapes,
gradients, determinism, schedules and saved weights.
"""
