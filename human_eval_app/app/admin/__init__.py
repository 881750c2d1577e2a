"""The pages of whoever runs the study. Raters' pages import nothing of it."""
