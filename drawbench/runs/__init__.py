"""One model's images of one prompt set: planned, filled, sealed."""
