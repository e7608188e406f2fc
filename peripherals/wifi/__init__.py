"""The Wi-Fi MAC, one subject a file; mac.py puts them together."""
