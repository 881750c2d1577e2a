"""What all pages of HTML share: templates, style, plots as SVG."""
