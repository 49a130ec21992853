"""The HTTP surface, one noun a file; `app.py` holds the table of routes."""
