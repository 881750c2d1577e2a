"""FID's Inception network: its layers, its weights, its resizing, its features."""
