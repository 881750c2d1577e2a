"""One model at many settings: a sweep, its table and its curves."""
