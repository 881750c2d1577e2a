"""The human study: design, vote store, raters' app and analysis. `drawbench study --help` is the way in."""
