"""What is measured, beside peers: `make bench NAME=...`."""
