"""The seccomp filters of the tiers and of what runs in them, compiled once in the engine and handed to zygotes as bytes.

An allow-list: what is not named fails with EPERM, what is newer than the table with ENOSYS so that libc falls back.
Names and numbers per architecture and the BPF assembler come from `seccompy`; the program is a binary tree over ranges
of numbers, because loading costs every container a walk of it for each number (seccomp_cache_prepare in the kernel).
"""

import enum
import errno
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seccompy import bpf
from seccompy.syscalls import AARCH64_SYSCALLS, X86_64_SYSCALLS, arch

from service.engine.sandbox.contract import Isolation
from service.engine.sandbox.isolation import PID_SENTINEL

_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NR, _ARCH, _ARGUMENTS = 0, 4, 16

ARCHITECTURES = {"x86_64": (X86_64_SYSCALLS, 0xC000_003E), "aarch64": (AARCH64_SYSCALLS, 0xC000_00B7)}
"""By name: numbers of system calls, and the AUDIT_ARCH_* value of linux/audit.h that a filter sees."""

_ALWAYS = """
read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 close close_range lseek dup dup2 dup3 pipe pipe2
open openat openat2 creat stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2 readlink readlinkat
getdents getdents64 getcwd chdir fchdir rename renameat renameat2 mkdir mkdirat rmdir unlink unlinkat link linkat symlink
symlinkat truncate ftruncate fallocate fadvise64 readahead sync_file_range fsync fdatasync sync syncfs flock umask utime
utimes utimensat futimesat copy_file_range sendfile splice getxattr lgetxattr fgetxattr listxattr llistxattr
flistxattr memfd_create
mmap mprotect munmap mremap madvise brk msync mincore mlock mlock2 munlock mlockall munlockall membarrier
pkey_alloc pkey_free pkey_mprotect
poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 epoll_ctl_old
eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime
sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown getsockname getpeername getsockopt setsockopt
futex futex_waitv futex_wake futex_wait futex_requeue set_robust_list get_robust_list rseq set_tid_address gettid
arch_prctl restart_syscall exit exit_group sched_yield
rt_sigaction rt_sigprocmask rt_sigpending rt_sigreturn rt_sigsuspend rt_sigtimedwait sigaltstack pause alarm
getitimer setitimer timer_create timer_settime timer_gettime timer_getoverrun timer_delete
nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times
getpid getppid getuid geteuid getgid getegid getresuid getresgid getgroups getpgid getpgrp getsid getpriority
getrlimit getrusage getcpu sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max
sched_get_priority_min sched_rr_get_interval get_mempolicy getrandom uname sysinfo capget
wait4 waitid prctl setrlimit
setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups
""".split()

# What only a container with a pid namespace or a uid of its own may do.
_WITH_PROCESSES = """
fork vfork execve execveat kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal setpgid setsid
fcntl ioctl chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat setpriority sched_setaffinity sched_setscheduler
sched_setparam setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
""".split()

# Only with namespaces of its own: sockets and shared memory that are named end at the container's edge.
_WITH_NAMESPACES = """
bind connect listen accept accept4 shmget shmat shmdt shmctl semget semop semctl semtimedop msgget msgsnd msgrcv msgctl
mq_open mq_unlink mq_timedsend mq_timedreceive mq_getsetattr mq_notify inotify_init inotify_init1 inotify_add_watch
inotify_rm_watch mknod mknodat
""".split()

_NO_OPS = ["chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"]

_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020080  # CLONE_NEW{TIME,NS,CGROUP,UTS,IPC,USER,PID,NET}
_FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1024, 1025, 1030, 1031, 1032, 1033, 1034)  # all but F_SETOWN*, F_SETSIG
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS TIOCGWINSZ FIONREAD FIONBIO FIONCLEX FIOCLEX
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_PRCTL = (15, 16, 0x53564D41)  # PR_SET_NAME PR_GET_NAME PR_SET_VMA


class Role(enum.Enum):
    """Whom a filter is for. Only tier `landlock` has others than kernels (see `broker`)."""

    KERNEL = enum.auto()
    BROKER = enum.auto()
    """What a kernel may do, and start programs and signal them."""
    PROGRAM = enum.auto()
    """What a kernel may do, and become a program; no process of its own, and no escape from dying with the broker."""


@dataclass(frozen=True)
class Rule:
    """What a call's argument decides: one of `values` (low 32 bits, under `mask`) gives `match`, else `otherwise`."""

    argument: int
    values: Sequence[int]
    mask: int = 0xFFFF_FFFF
    match: int = _ALLOW
    otherwise: int = _ERRNO | errno.EPERM


def compile_filter(isolation: Isolation, architecture: str | None = None, *, role: Role = Role.KERNEL) -> bytes:
    """The filter of a tier, as packed `struct sock_filter`; PID_SENTINEL stands for the process's own pid.

    Args:
        isolation: The tier.
        architecture: A key of `ARCHITECTURES`; None: this machine's.
        role: Whom it is for.
    """
    return _assemble(_rules(isolation) | _ROLES[role], *ARCHITECTURES[architecture or arch()])


def _rules(isolation: Isolation) -> dict[str, Rule | int]:
    names = list(_ALWAYS)
    own = (0, PID_SENTINEL)
    rules: dict[str, Rule | int] = {
        "socketpair": Rule(0, (socket.AF_UNIX,), otherwise=_ERRNO | errno.EAFNOSUPPORT),
        "socket": _ERRNO | errno.ENETUNREACH,
        "personality": Rule(0, (0, 0xFFFF_FFFF)),
        "prlimit64": Rule(0, own),
        "clone3": _ERRNO
        | errno.ENOSYS,  # its flags lie in memory, where no filter can read them: libc falls back to clone
    }
    if isolation is Isolation.LANDLOCK:
        # One process is one pidfd is one complete kill, so there is no fork and no exec. Kernels before 6.12 do not scope
        # signals: tgkill, or fcntl that makes the kernel send SIGIO for us, would reach the engine, which has our uid.
        rules["clone"] = Rule(0, (_CLONE_THREAD,), mask=_CLONE_THREAD | _CLONE_NAMESPACES)
        rules |= dict.fromkeys(("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"), Rule(0, (PID_SENTINEL,)))
        rules |= dict.fromkeys(("sched_setaffinity", "setpgid"), Rule(0, own))
        rules["fcntl"] = Rule(1, _FCNTL)
        rules["ioctl"] = Rule(1, _IOCTL, otherwise=_ERRNO | errno.ENOTTY)
        rules |= dict.fromkeys(_NO_OPS, _ERRNO)  # errno 0: tarfile and shutil set modes and must not fail for it
    else:
        names += _WITH_PROCESSES
        rules["clone"] = Rule(0, (0,), mask=_CLONE_NAMESPACES)
        rules["ioctl"] = Rule(1, (_TIOCSTI, _TIOCLINUX), match=_ERRNO | errno.EPERM, otherwise=_ALLOW)
    if isolation is Isolation.NAMESPACES:
        names += _WITH_NAMESPACES
        rules["socket"] = Rule(0, (socket.AF_UNIX,), otherwise=_ERRNO | errno.ENETUNREACH)
    return dict.fromkeys(names, _ALLOW) | rules


_ROLES: dict[Role, dict[str, Rule | int]] = {
    Role.KERNEL: {},
    Role.BROKER: {
        "clone": Rule(0, (0,), mask=_CLONE_NAMESPACES),
        **dict.fromkeys(("fork", "execve", "kill", "pidfd_open"), _ALLOW),
    },
    Role.PROGRAM: {"execve": _ALLOW, "prctl": Rule(0, _PRCTL)},
}


def number_of(name: str) -> int:
    """The number of a system call on this machine."""
    return ARCHITECTURES[arch()][0][name]


def _assemble(rules: Mapping[str, Rule | int], table: Mapping[str, int], audit_arch: int) -> bytes:
    decided = {table[name]: rule for name, rule in rules.items() if name in table}
    newest = max(table.values())
    ranges: list[tuple[int, Rule | int]] = []
    for number in range(newest + 1):
        verdict = decided.get(number, _ERRNO | errno.EPERM)
        if not ranges or ranges[-1][1] != verdict:
            ranges.append((number, verdict))
    ranges.append((newest + 1, _ERRNO | errno.ENOSYS))
    instructions: list[bpf.Insn] = [
        bpf.Load(_ARCH),
        bpf.Jump(bpf.BPF_JEQ, audit_arch, None, "foreign"),
        bpf.Load(_NR),
    ]
    labels: dict[str, int] = {}
    _tree(ranges, instructions, labels)
    labels["foreign"] = len(instructions)  # a 32-bit call has other numbers: nothing here would mean what it says
    instructions.append(bpf.Ret(_KILL))
    return bpf.assemble(instructions, labels)


def _tree(ranges: Sequence[tuple[int, Rule | int]], instructions: list[bpf.Insn], labels: dict[str, int]) -> None:
    if len(ranges) == 1:
        _leaf(ranges[0][1], instructions, labels)
        return
    middle = len(ranges) // 2
    label = f"from {ranges[middle][0]}"
    instructions.append(bpf.Jump(bpf.BPF_JGEQ, ranges[middle][0], label, None))
    _tree(ranges[:middle], instructions, labels)
    labels[label] = len(instructions)
    _tree(ranges[middle:], instructions, labels)


def _leaf(verdict: Rule | int, instructions: list[bpf.Insn], labels: dict[str, int]) -> None:
    if isinstance(verdict, int):
        instructions.append(bpf.Ret(verdict))
        return
    match = f"match at {len(instructions)}"
    instructions.append(bpf.Load(_ARGUMENTS + 8 * verdict.argument))
    instructions.append(bpf.And(verdict.mask))
    instructions += [bpf.Jump(bpf.BPF_JEQ, value, match, None) for value in verdict.values]
    instructions.append(bpf.Ret(verdict.otherwise))
    labels[match] = len(instructions)
    instructions.append(bpf.Ret(verdict.match))
