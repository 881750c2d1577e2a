"""The human A/B study: design, vote store, analysis and the raters' pages. Nothing is in it yet."""
