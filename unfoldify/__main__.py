"""`python -m unfoldify`"""

import sys

from unfoldify.cli import main

if __name__ == "__main__":
    sys.exit(main())
