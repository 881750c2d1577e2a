"""CLIP and SigLIP models of open_clip and transformers: embeddings of images and texts."""
