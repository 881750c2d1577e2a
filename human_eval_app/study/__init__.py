"""What raters will see, decided in full before the first of them comes: designs, assignments, images, power."""
