"""Features and numbers: extractors, moments, Fréchet distances, CLIP score, intervals."""
