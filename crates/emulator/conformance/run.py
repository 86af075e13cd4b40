import sys

import suite

sys.exit(suite.main())
