"""What raters see."""
