"""What this machine can do, and whether its metrics and weights tell the truth."""
