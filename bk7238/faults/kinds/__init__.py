"""What can go wrong: a file for each section of the reference."""
