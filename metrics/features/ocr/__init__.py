"""Text in images, read by engines for optical character recognition."""
