"""`python -m reference_model.skills`: see `measure`."""

import sys

from reference_model.skills.measure import main

if __name__ == "__main__":
    sys.exit(main())
