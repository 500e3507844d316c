"""One file per engine: how a config becomes the objects of a policy. The table is `abzero.config.backends`."""
