"""What is shown to a person: a model's text made harmless, and what a page of a terminal is built of."""
