"""``python -m signaling`` is ``talkpath``."""

import sys

from signaling.cli import main

sys.exit(main())
