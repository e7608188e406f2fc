"""Runs of points that share what they have in common with the undisturbed run and with each other."""
