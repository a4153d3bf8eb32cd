"""`python -m client.python.bench`: the same as `talkpath bench`."""

import sys

from client.python.bench import main

sys.exit(main())
