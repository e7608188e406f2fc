"""What a sweep runs: its points, by tier, and how they are run faster than one by one."""
