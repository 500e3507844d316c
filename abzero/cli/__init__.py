"""The command line."""

import sys

if sys.platform == "win32":
    raise SystemExit("abzero needs a Unix kernel: on Windows run it in WSL2 (wsl --install), as on Linux")
