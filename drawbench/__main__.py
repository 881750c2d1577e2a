"""`python -m drawbench`, which launchers start in every process."""

import sys

from drawbench.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
