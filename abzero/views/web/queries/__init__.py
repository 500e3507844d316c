"""What the pages ask of a journal: SQL in, records out, no HTML."""
