"""One model at many settings: a sweep, its table and its curves."""

GUIDANCE = "guidance"
# Imagen (arXiv 2205.11487), app. on classifier-free guidance: the base model's weights of its FID-CLIP curves.
PAPER_GUIDANCE = ("1", "1.25", "1.5", "1.75", "2", "3", "4", "5", "6", "7", "8", "9", "10")
