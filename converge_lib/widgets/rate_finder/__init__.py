"""RateFinder: loss against learning rate for each solver, with the cliffs."""
