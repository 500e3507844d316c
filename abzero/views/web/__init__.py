"""The viewer: `abzero watch` and `abzero bundle`. It reads journals, changes nothing, and trusts nothing it reads.

`queries/` turn a page's question into records (SQL in, records out), `pages/` turn records into HTML, escaped by
construction; `guard` decides who may ask, `events` tells a page that a step was committed.
"""
