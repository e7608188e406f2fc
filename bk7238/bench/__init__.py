"""What a user can choose for a run, declared once (settings.py), and what is assembled of it (bench.py)."""
