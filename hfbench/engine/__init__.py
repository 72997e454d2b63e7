"""One extraction: a module per phase, and :mod:`hfbench.engine.extract`, which runs them in order."""
