"""The pages: records in, HTML out."""
