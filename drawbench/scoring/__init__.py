"""From the images of a run to its scores under a protocol."""
