"""The commands of the `drawbench` program, one module per group."""
