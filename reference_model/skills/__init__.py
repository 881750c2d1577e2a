"""What a cascade can do, by exact checks of its images."""
