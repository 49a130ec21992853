"""`python -m tests.api_service.few_files`: the API as its command starts it, with 256 file descriptors and no more."""

import resource

from api_service.__main__ import main

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    main()
