"""`recast` with what the seccomp profile of Docker and containerd leaves it: `python unprivileged.py serve`."""

from service.__main__ import main
from tests.sandbox.driver import like_docker

if __name__ == "__main__":
    like_docker()
    main()
