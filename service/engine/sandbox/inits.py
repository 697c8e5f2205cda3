"""A helper of the zygote that always has the next pid namespace ready, with its pid 1 asleep in it.

It is a process of its own because pid 1 must be born with SIGCHLD ignored, which survives execve and means "no zombies"
(signal(7)): were the zygote to ignore it even for a moment, the exit status of a kernel that ends in that moment is lost.
It also takes the cost of a program start off the path of a request.
"""

import os
import shutil
import signal
import socket

from service.engine.sandbox import isolation as iso

_NULL = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in range(3)]


class Inits:
    """The zygote's end."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sleep = shutil.which("sleep")
        if sleep is None:
            raise FileNotFoundError("a container's pid 1 is the program `sleep`, which is not in the view")
        parent = os.getpid()
        if not os.fork():
            try:
                iso.die_with_parent(parent)
                self._socket.close()
                _serve(theirs, sleep)
            finally:
                os._exit(1)
        theirs.close()

    def take(self) -> int:
        """The pidfd of a fresh pid 1. Raises OSError when the helper is gone."""
        self._socket.send(b"1")
        packet, fds, _, _ = socket.recv_fds(self._socket, 1, 1, socket.MSG_CMSG_CLOEXEC)
        if not packet:
            raise ConnectionError("the helper that makes pid namespaces is gone")
        return fds[0]


def _serve(channel: socket.socket, sleep: str) -> None:
    iso.name_process("zygote-inits")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    own = os.pidfd_open(os.getpid())
    os.set_inheritable(channel.fileno(), False)
    while True:
        iso.unshare(iso.NEWPID)
        init = os.pidfd_open(os.posix_spawn(sleep, ["init", "infinity"], {}, file_actions=_NULL))
        iso.setns(own, iso.NEWPID)
        if not channel.recv(1):
            return
        socket.send_fds(channel, [b"1"], [init])
        os.close(init)
