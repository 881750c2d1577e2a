"""`drawbench study`: one module per subcommand."""
