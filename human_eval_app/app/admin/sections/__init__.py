"""The parts of the admin page, each drawn by one function of the desk."""
