"""What an analysis writes: a page, sheets, a chart, result files."""
