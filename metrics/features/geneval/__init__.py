"""GenEval (Ghosh et al. 2023): whether an image holds the objects, counts, colours and places that its prompt names."""
