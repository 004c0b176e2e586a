"""Search and recommendation over many domains, and for items and users that nobody has met yet."""
