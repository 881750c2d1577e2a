"""Image files: how they are read, hashed, and where what is made of them is kept."""
