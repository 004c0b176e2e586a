"""What extractors find in Chinese talk, and whether a day that a question names is found."""
