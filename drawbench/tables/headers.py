"""What tables call each metric, in the order of their columns; the arrow says which way is better."""

# Distances order a table before CLIP score does; the nearest to the published FID comes first.
DISTANCES = ("fid_legacy_tensorflow", "fid_clean", "frechet_distance")


CLIP_SCORE = "clip_score"


CAPTION_SCORE = "caption_alignment"  # people's, 0 to 100

CLIP_SHUFFLED = "clip_score_shuffled"
CLIP_DIFFERENCE = "clip_score_difference"

HEADERS = {
    "fid_legacy_tensorflow": "FID (legacy_tensorflow) ↓",
    "fid_clean": "FID (clean) ↓",
    "fid_legacy_pytorch": "FID (legacy_pytorch) ↓",
    "fid_infinity": "FID∞ ↓",
    "frechet_distance": "Fréchet distance ↓",
    "frechet_distance_infinity": "Fréchet distance∞ ↓",
    "clip_fid": "CLIP-FID ↓",
    "fd_dinov2": "FD-DINOv2 ↓",
    "kid": "KID ↓",
    "cmmd": "CMMD ↓",
    CLIP_SCORE: "CLIP score ↑",
    CLIP_SHUFFLED: "shuffled captions",
    CLIP_DIFFERENCE: "difference ↑",
    "r_precision": "R-precision ↑",
    "precision": "precision ↑",
    "recall": "recall ↑",
    "density": "density ↑",
    "coverage": "coverage ↑",
    "inception_score": "Inception Score ↑",
    "pairwise_distance": "pairwise distance ↑",
    "vendi_score": "Vendi score ↑",
    CAPTION_SCORE: "caption score ↑",
    f"{CAPTION_SCORE}_no_people": "no people ↑",
}
