"""What the seccomp filters say, on both architectures: the compiled program is run here as the kernel would."""

import errno
import struct

import pytest

from service.engine.sandbox import Isolation, filters
from service.engine.sandbox.isolation import PID_SENTINEL

ALLOWED, KILLED = "allowed", "killed"
# Older ways to say what has another name now; arm64 came after them.
OLD = """
open creat stat lstat access readlink rename mkdir rmdir unlink link symlink utime utimes futimesat dup2 pipe getdents
poll select epoll_create epoll_wait epoll_ctl_old eventfd signalfd arch_prctl pause alarm time getpgrp fork vfork chmod
chown lchown inotify_init mknod
"""
REFUSED = """
ptrace mount setns unshare init_module bpf keyctl perf_event_open userfaultfd io_uring_setup reboot kexec_load
"""


def verdict(program: bytes, audit_arch: int, number: int, *arguments: int) -> str:
    """Interpret classic BPF over a `struct seccomp_data`; see linux/filter.h."""
    facts = struct.pack("<IIQ6Q", number, audit_arch, 0, *arguments, *[0] * (6 - len(arguments)))
    accumulator, at = 0, 0
    while True:
        code, true, false, operand = struct.unpack_from("<HBBI", program, 8 * at)
        at += 1
        match code:
            case 0x20:  # load a word
                (accumulator,) = struct.unpack_from("<I", facts, operand)
            case 0x54:  # and
                accumulator &= operand
            case 0x05:  # jump
                at += operand
            case 0x15 | 0x25 | 0x35:  # jump if ==, >, >=
                holds = {0x15: accumulator == operand, 0x25: accumulator > operand, 0x35: accumulator >= operand}[code]
                at += true if holds else false
            case 0x06:  # return
                action = operand & 0xFFFF0000
                said = {0x7FFF0000: ALLOWED, 0x80000000: KILLED}
                return said.get(action) or errno.errorcode.get(operand & 0xFFFF, "ignored")
            case _:
                raise AssertionError(f"an instruction {code:#x} that no filter of ours should have")


@pytest.fixture(params=list(Isolation))
def isolation(request: pytest.FixtureRequest) -> Isolation:
    """Every tier."""
    return Isolation(request.param)


@pytest.mark.parametrize("name", list(filters.ARCHITECTURES))
def test_every_name_is_a_system_call_of_both_architectures(isolation: Isolation, name: str) -> None:
    """A name that is misspelt would silently not be allowed; one that arm64 lacks is an old one."""
    missing = set(filters._rules(isolation)) - set(filters.ARCHITECTURES[name][0])
    assert missing <= (set(OLD.split()) if name == "aarch64" else set())


@pytest.mark.parametrize("name", list(filters.ARCHITECTURES))
def test_both_architectures_have_the_same_filter(isolation: Isolation, name: str) -> None:
    """What matters is allowed or refused by the numbers of each."""
    table, audit_arch = filters.ARCHITECTURES[name]
    program = filters.compile_filter(isolation, name)
    own = PID_SENTINEL

    def said(call: str, *arguments: int) -> str:
        return verdict(program, audit_arch, table[call], *arguments)

    programs = ALLOWED if isolation is not Isolation.LANDLOCK else "EPERM"
    assert {call: said(call) for call in ("read", "mmap", "openat", "futex", "exit_group")} == dict.fromkeys(
        ("read", "mmap", "openat", "futex", "exit_group"), ALLOWED
    )
    refused = REFUSED.split()
    assert {call: said(call) for call in refused} == dict.fromkeys(refused, "EPERM")
    assert said("execve") == programs
    assert (said("clone", 0x10000000), said("clone", 0x50F00)) == ("EPERM", ALLOWED)
    assert said("clone3") == "ENOSYS"
    assert (said("socket", 2), said("socketpair", 1)) == ("ENETUNREACH", ALLOWED)
    assert (said("prlimit64", 0), said("prlimit64", own), said("prlimit64", 1)) == (ALLOWED, ALLOWED, "EPERM")
    assert (said("tgkill", own), said("tgkill", 1)) == (ALLOWED, programs)


@pytest.mark.parametrize("name", list(filters.ARCHITECTURES))
def test_what_is_newer_than_the_table_does_not_exist_and_what_is_foreign_is_killed(
    isolation: Isolation, name: str
) -> None:
    """The C library falls back at ENOSYS; a call by another architecture's numbers means nothing here."""
    table, audit_arch = filters.ARCHITECTURES[name]
    program = filters.compile_filter(isolation, name)
    assert verdict(program, audit_arch, max(table.values()) + 1) == "ENOSYS"
    assert verdict(program, 0x40000003, table["read"]) == KILLED


@pytest.mark.parametrize("name", list(filters.ARCHITECTURES))
def test_a_broker_may_make_processes_and_its_programs_may_not(name: str) -> None:
    """Neither kernel nor program of tier `landlock` forks; a program may be executed, and dies with its broker."""
    table, audit_arch = filters.ARCHITECTURES[name]
    fork, thread, death, rename = 0x1200011, 0x50F00, 1, 15
    said = {}
    for role in filters.Role:
        program = filters.compile_filter(Isolation.LANDLOCK, name, role=role)
        said[role.name] = [
            verdict(program, audit_arch, table[call], argument)
            for call, argument in (
                ("clone", fork),
                ("clone", thread),
                ("execve", 0),
                ("execveat", 0),
                ("kill", 1),
                ("prctl", death),
                ("prctl", rename),
            )
        ]
    assert said == {
        "KERNEL": ["EPERM", ALLOWED, "EPERM", "EPERM", "EPERM", ALLOWED, ALLOWED],
        "BROKER": [ALLOWED, ALLOWED, ALLOWED, "EPERM", ALLOWED, ALLOWED, ALLOWED],
        "PROGRAM": ["EPERM", ALLOWED, ALLOWED, "EPERM", "EPERM", "EPERM", ALLOWED],
    }
