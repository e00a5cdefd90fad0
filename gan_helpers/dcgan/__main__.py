"""`python -m gan_helpers.dcgan`: see `run`."""

import sys

from gan_helpers.dcgan.run import main

sys.exit(main())
