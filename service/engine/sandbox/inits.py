"""A helper of the zygote that always has the namespaces of the next container ready, with their pid 1 asleep in them.

It is a process of its own because pid 1 must be born with SIGCHLD ignored, which survives execve and means "no zombies"
(signal(7)): were the zygote to ignore it even for a moment, the exit status of a kernel that ends in that moment is lost.
It also takes half of what a container costs off the path of a request. It must not know whose container comes next: what
differs, the size and the owner of the files, is set by the one who moves in (`confinement`).
"""

import os
import shutil
import signal
import socket
from collections.abc import Sequence

from service.engine.sandbox import isolation as iso

_NULL = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in range(3)]
_NAMESPACES = iso.NEWNS | iso.NEWIPC | iso.NEWNET
_MOUNT_FLAGS = iso.MS_NOSUID | iso.MS_NODEV
_TMP_BYTES = 256 << 20
_SHM_BYTES = 64 << 20
_NICE = 5  # behind whoever makes a container now, before those that run
_MAX_ERROR_BYTES = 500


class Inits:
    """The zygote's end. `readable` and `writable` are what Landlock is to allow, if there is a version `abi` of it."""

    def __init__(self, abi: int, readable: Sequence[str], writable: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sleep = shutil.which("sleep")
        if sleep is None:
            raise FileNotFoundError("a container's pid 1 is the program `sleep`, which is not in the view")
        parent = os.getpid()
        if not os.fork():
            try:
                iso.die_with_parent(parent)
                self._socket.close()
                _serve(theirs, sleep, (abi, readable, writable) if abi else None)
            finally:
                os._exit(1)
        theirs.close()

    def take(self) -> list[int]:
        """The pidfd of a fresh pid 1[, its container's Landlock ruleset]. Raises OSError."""
        packet, fds, _, _ = socket.recv_fds(self._socket, _MAX_ERROR_BYTES, 2, socket.MSG_CMSG_CLOEXEC)
        if not packet:
            raise ConnectionError("the helper that makes namespaces is gone")
        if not fds:
            self.make()
            raise OSError(packet.decode(errors="replace"))
        return fds

    def make(self) -> None:
        """Have the next one made, now that there is time."""
        self._socket.send(b"1")


def _serve(channel: socket.socket, sleep: str, ruleset: tuple[int, Sequence[str], Sequence[str]] | None) -> None:
    iso.name_process("zygote-inits")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    os.nice(_NICE)
    home = os.pidfd_open(os.getppid())
    os.set_inheritable(channel.fileno(), False)
    while True:
        made: list[int] = []
        try:
            iso.unshare(iso.NEWPID | _NAMESPACES)
            mounts()
            made.append(os.pidfd_open(os.posix_spawn(sleep, ["init", "infinity"], {}, file_actions=_NULL)))
            if ruleset:
                made.append(iso.landlock_ruleset(*ruleset))
            socket.send_fds(channel, [b"1"], made)
        except OSError as error:
            if made:
                signal.pidfd_send_signal(made[0], signal.SIGKILL)
            channel.send(str(error).encode()[:_MAX_ERROR_BYTES])
        for fd in made:
            os.close(fd)
        iso.setns(home, iso.NEWPID | _NAMESPACES)
        if not channel.recv(1):
            return


def mounts() -> None:
    """A container's own file systems; /mnt/data holds nothing until it is given its size. Everybody's folders are gone."""
    iso.detach("/mnt/data")
    iso.mount("tmpfs", "/mnt/data", _MOUNT_FLAGS, "mode=0700,size=4k,nr_inodes=1")
    iso.mount("tmpfs", "/tmp", _MOUNT_FLAGS, f"mode=0700,size={_TMP_BYTES},nr_inodes=20000")
    iso.mount("tmpfs", "/dev/shm", _MOUNT_FLAGS, f"mode=0700,size={_SHM_BYTES},nr_inodes=1000")
