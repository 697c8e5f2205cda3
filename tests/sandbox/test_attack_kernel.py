"""Hostile programs against the kernel: each group of system calls is tried, and none may succeed.

Numbers come from a table per architecture, so that the same attacks run on x86-64 and arm64.
"""

import platform

import pytest

from tests.sandbox.boxes import Box, Container

_CLOSED = {"EPERM", "EACCES", "ENOSYS"}


@pytest.mark.parametrize(
    "names",
    [
        "mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr swapon swapoff",
        "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise",
        "add_key request_key keyctl bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register",
        "reboot kexec_load kexec_file_load init_module finit_module delete_module iopl ioperm acct syslog vhangup quotactl",
        "settimeofday clock_settime adjtimex clock_adjtime sethostname setdomainname",
        "open_by_handle_at name_to_handle_at fanotify_init fanotify_mark lookup_dcookie",
        "setns move_pages migrate_pages mbind set_mempolicy nfsservctl seccomp landlock_create_ruleset modify_ldt",
    ],
)
def test_privileged_calls_are_refused(container: Container, names: str) -> None:
    """With arguments that would mean something to none of them: the filter answers first."""
    said = container.attack(
        f"print(json.dumps({{name: call(name, 0, 0, 0, 0, 0) for name in {names.split()!r}}}))"
    ).said
    assert {name: answer for name, answer in said.items() if answer not in _CLOSED} == {}


def test_mounts_of_every_kind(container: Container) -> None:
    """Called as a program would, with arguments that a privileged process would succeed with."""
    kinds = ["tmpfs", "proc", "sysfs", "cgroup2", "overlay", "bpf", "debugfs"]
    said = container.attack(
        f"print(json.dumps([attempt(os.mkdir, 'm')] + [call('mount', k.encode(), b'm', k.encode(), 0, 0) for k in {kinds!r}]))"
    ).said
    assert set(said[1:]) <= _CLOSED


@pytest.mark.parametrize(
    "flag", [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x00000080]
)
def test_namespaces_cannot_be_made(container: Container, flag: int) -> None:
    """Not by unshare, not by clone, not by clone3."""
    said = container.attack(f"""
clone = libc.syscall(NR["clone"], ctypes.c_long({flag} | 17), 0, 0, 0, 0)
if clone == 0: os._exit(0)
print(json.dumps([call("unshare", {flag}), "ok" if clone > 0 else errno.errorcode[ctypes.get_errno()], call("clone3", 0, 0)]))
""").said
    assert set(said) <= {*_CLOSED, "EINVAL"}
    assert said[2] == "ENOSYS"


def test_no_network(container: Container) -> None:
    """No family reaches outside: the answer is "network is unreachable", as on a machine without one."""
    said = container.attack("""
kinds = [(2, 1), (2, 2), (2, 3), (10, 1), (10, 2), (16, 3), (17, 3), (40, 1), (38, 5), (29, 3), (31, 1)]
print(json.dumps([attempt(socket.socket, family, kind) for family, kind in kinds]))
""").said
    assert set(said) == {"ENETUNREACH"}


def test_no_names_and_no_downloads(container: Container) -> None:
    """DNS, HTTP and the engine's own port fail as they would without a network."""
    said = container.attack("""
import urllib.request
urls = ["http://127.0.0.1:8001/readyz", "http://localhost/", "http://169.254.169.254/latest/meta-data/", "https://example.com/"]
print(json.dumps([attempt(socket.getaddrinfo, "example.com", 80)] + [attempt(urllib.request.urlopen, u, timeout=2) for u in urls]))
""").said
    assert "ok" not in said


def test_the_engines_abstract_socket(box: Box, container: Container) -> None:
    """An abstract name belongs to a network namespace, or is refused by the filter."""
    name = f"\0recast-test-engine-{box.ask('about')['pid']}"
    said = container.attack(f"""
def connect():
    socket.socket(socket.AF_UNIX).connect({name!r})
print(json.dumps(attempt(connect)))
""").said
    assert said == ("ECONNREFUSED" if box.namespaces else "ENETUNREACH")


def test_socket_pairs_and_event_loops_work(container: Container) -> None:
    """Asyncio needs a pair of sockets; that is all it gets."""
    assert container.attack("""
import asyncio
async def both():
    a, b = socket.socketpair()
    a.send(b"x")
    return b.recv(1).decode()
print(json.dumps([asyncio.new_event_loop().run_until_complete(both()), attempt(socket.socketpair, socket.AF_INET)]))
""").said == ["x", "EAFNOSUPPORT"]


def test_shared_memory_and_queues_end_at_the_container(box: Box, container: Container) -> None:
    """What one container puts under a System V key or a queue's name, another does not find."""
    code = """
import ctypes
made = libc.syscall(NR["shmget"], 4242, 4096, 0o1666 if {create} else 0o666)
queue = libc.syscall(NR["mq_open"], b"recast", 0o102 if {create} else 2, 0o666, 0)
print(json.dumps([made >= 0, queue >= 0]))
"""
    made = container.attack(code.replace("{create}", "True")).said
    other = box.container()
    assert other.attack(code.replace("{create}", "False")).said == [False, False]
    assert made == [True, False] if box.namespaces else made == [False, False]  # RLIMIT_MSGQUEUE is 0
    other.close()


def test_watching_others_files(box: Box, container: Container) -> None:
    """Inotify is closed where folders of others could be named."""
    said = container.attack("print(json.dumps(call('inotify_init1', 0)))").said
    assert said == ("ok" if box.namespaces else "EPERM")


def test_root_cannot_be_had(container: Container) -> None:
    """No uid, no capability, no setuid program."""
    said = container.attack("""
import glob
setuid = [p for p in glob.glob("/usr/bin/*") + glob.glob("/bin/*") if attempt(os.stat, p) == "ok" and os.stat(p).st_mode & 0o4000]
header, data = ctypes.create_string_buffer(b"\\x22\\x05\\x08\\x20\\0\\0\\0\\0"), ctypes.create_string_buffer(b"\\xff" * 24)
print(json.dumps([attempt(os.setuid, 0), attempt(os.setgid, 0), attempt(os.setgroups, [0]), call("capset", header, data), libc.prctl(39, 0, 0, 0, 0)]))
""").said
    assert set(said[:4]) <= {"EPERM", "EINVAL"}
    assert said[4] == 1  # PR_GET_NO_NEW_PRIVS: execve never adds a privilege


def test_programs_run_as_the_same_nobody(box: Box, container: Container) -> None:
    """A program dropped or found runs with the container's rights, or not at all."""
    result = container.attack("""
import subprocess
open("tool", "w").write("#!/bin/sh\\nid -u; cat /etc/shadow; touch /usr/x")
attempt(os.chmod, "tool", 0o755)
def run():
    return subprocess.run(["./tool"], capture_output=True, text=True)
answer = attempt(run)
print(json.dumps([answer, run().stdout.strip() if answer == "ok" else ""]))
""")
    answer, uid = result.said
    assert (answer, uid != "0") == ("ok" if box.forks else "EPERM", True)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="32-bit calls are an x86 matter")
def test_calls_of_another_architecture_kill(container: Container) -> None:
    """`int 0x80` has other numbers, which a filter for 64 bits would misread: the process dies instead."""
    result = container.attack("""
import mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3")  # mov eax, 20 (getpid); int 0x80; ret
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
""")
    assert (result.outcome, result.error_name) == ("died", "SIGSYS")


def test_x32_and_unknown_calls(container: Container) -> None:
    """Numbers beyond the table do not exist."""
    said = container.attack("""
tried = [0x40000000 + 56, 0x40000000 + 101, 548, 1000, 2**31 - 1]
for number in tried: ctypes.set_errno(0)
answers = []
for number in tried:
    libc.syscall(ctypes.c_long(number), 0, 0, 0); answers.append(errno.errorcode[ctypes.get_errno()])
print(json.dumps(answers))
""").said
    assert set(said) == {"ENOSYS"}


def test_the_terminal_cannot_be_typed_into(container: Container) -> None:
    """TIOCSTI pushes characters into a terminal's input."""
    said = container.attack("print(json.dumps([call('ioctl', fd, 0x5412, b'x') for fd in (0, 1, 2)]))").said
    assert set(said) <= {"EPERM", "ENOTTY"}


def test_its_own_code_can_be_patched_and_nobody_notices(box: Box, container: Container) -> None:
    """Memory is copied on write: a container that rewrites libc is alone with it."""
    container.attack("""
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
address = ctypes.cast(libc.getpid, ctypes.c_void_p).value
libc.mprotect(address & ~4095, 8192, 7)
ctypes.memset(address, 0xC3, 1)
""")
    other = box.container()
    assert other.run("import os; print(os.getpid() > 0)").logs == "True\n"
    other.close()


def test_what_a_container_may_know(box: Box, container: Container) -> None:
    """Written down so that it is a decision: kernel version and load are visible, the machine's name is not everywhere."""
    said = container.attack(
        "print(json.dumps([call('sysinfo', ctypes.create_string_buffer(256)), call('uname', ctypes.create_string_buffer(512))]))"
    ).said
    assert said == ["ok", "ok"]
