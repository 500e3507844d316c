"""``python -m abzero``."""

import sys

from abzero.cli.main import main

sys.exit(main())
