"""A node's strict seccomp profile, as JSON on stdout: what RuntimeDefault of containerd and Docker refuses to a pod without capabilities.

Those profiles list what is allowed; this one lists what they refuse, which is what matters to a sandbox inside. It is for tests: the
engine must hold where no namespace can be made. Sources: containerd's and moby's default profiles, seccomp(2), clone(2).
"""

import json
import sys

EPERM, ENOSYS = 1, 38

# Opened only by CAP_SYS_ADMIN: namespaces and mounts.
NAMESPACES = (
    "fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_tree pivot_root quotactl quotactl_fd "
    "setdomainname sethostname setns umount umount2 unshare"
)
# Opened by other capabilities that a restricted pod lacks, or by none.
OTHERS = (
    "acct add_key bpf chroot clock_adjtime clock_settime delete_module fanotify_init finit_module get_mempolicy init_module "
    "io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl mbind migrate_pages move_pages "
    "open_by_handle_at perf_event_open reboot request_key set_mempolicy settimeofday swapoff swapon syslog userfaultfd vhangup"
)
# NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
CLONE_BITS = [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000]
AF_VSOCK = 40


def refuse(names: str, errno: int, **argument: object) -> dict[str, object]:
    """Return a rule that answers these system calls with an error."""
    rule: dict[str, object] = {"names": names.split(), "action": "SCMP_ACT_ERRNO", "errnoRet": errno}
    return rule | ({"args": [{"index": 0, **argument}]} if argument else {})


def profile() -> dict[str, object]:
    """Return the profile in the format of the OCI runtimes."""
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        "syscalls": [
            refuse(f"{NAMESPACES} {OTHERS}", EPERM),
            # Its flags are behind a pointer, which a filter cannot follow: ENOSYS sends the C library to clone.
            refuse("clone3", ENOSYS),
            *(refuse("clone", EPERM, value=bit, valueTwo=bit, op="SCMP_CMP_MASKED_EQ") for bit in CLONE_BITS),
            refuse("socket", EPERM, value=AF_VSOCK, op="SCMP_CMP_EQ"),
        ],
    }


if __name__ == "__main__":
    json.dump(profile(), sys.stdout, indent=1)
