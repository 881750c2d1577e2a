"""`python -m reference_model.skills`: see `measure`."""

import sys

from reference_model.skills.measure import main

sys.exit(main())
