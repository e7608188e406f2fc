"""What a sweep found: sweep.json, junit.xml and the page."""
