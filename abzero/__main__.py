"""``python -m abzero``."""

import sys

from abzero.cli import main

sys.exit(main())
