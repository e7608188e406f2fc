"""Many runs of one update, each with something else going wrong, and a map of where they end."""
