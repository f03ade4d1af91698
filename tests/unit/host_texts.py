# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts as real hosts have them, each with the oddities that its parser knows."""

from __future__ import annotations

import json

MOUNTINFO = """24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
26 24 0:22 / /dev/shm rw,nosuid,nodev shared:4 - tmpfs tmpfs rw,size=2097152k,inode64,mpol=bind:0,2
27 24 0:23 / /mnt/a\\040b rw master:1 propagate_from:2 - cgroup2 cgroup2 rw,nsdelegate
28 24 0:24 /lxc/c /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
"""
MAPS = """aaaadc000000-aaaadc001000 r-xp 00000000 08:01 1234   /usr/bin/polkadot (deleted)
7f0000000000-7f6080000000 ---p 00000000 00:00 0
7f6080000000-7f6080001000 rw-p 00000000 00:00 0
7ffc5a5f6000-7ffc5a617000 rw-p 00000000 00:00 0    [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]
"""
LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max address space         unlimited            unlimited            bytes
Max open files            1024                 524288               files
Max locked memory         8388608              8388608              bytes
"""
MEMINFO = "MemTotal:       16318532 kB\nSwapTotal:             0 kB\nHugePages_Total:       0\nCommitLimit:    8159264 kB\n"
STATUS = "Name:\tpolkadot\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t000001ffffffffff\nSeccomp:\t2\nNoNewPrivs:\t1\n"
FSTAB = """# /etc/fstab: static file system information.
UUID=0f5e6b9c /               ext4    errors=remount-ro 0       1
tmpfs /dev/shm tmpfs rw,nosuid,size=50%,context="a,b" 0 0
none\t/dev/shm/\ttmpfs\tsize=1G,nr_blocks=100\r
/swapfile none swap sw 0 0"""
OS_RELEASE = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\nHOME_URL=\'https://www.debian.org/\'\n'
UNIT_FILE = """[Unit]
Description=Polkadot
[Service]
; a comment
EnvironmentFile=-/nonexistent/polkadot-%i
Environment="A=b c" 'D=${E}' \\
  F=g
ExecStart=
ExecStart=-/usr/bin/polkadot --name "a b" $POLKADOT_CLI_ARGS ${F} ; @/bin/true x %% \\x41
LimitNOFILE=65535:524288
LimitMEMLOCK=infinity
LimitAS=1.5G
"""
SHOWN = """Id=polkadot.service
LimitNOFILE=524288
LimitNOFILESoft=1024
LimitMEMLOCK=infinity
TimeoutStopUSec=1min 30s
ExecStart={ path=/usr/bin/polkadot ; argv[]=/usr/bin/polkadot --validator ; ignore_errors=no ; pid=12 }

Id=b.service
MainPID=0
"""
JOURNAL = "\n".join(json.dumps(entry) for entry in (
    {"MESSAGE": "failed to create memory pool mapping", "UNIT": "a", "__REALTIME_TIMESTAMP": "1700000000000000", "_PID": "1"},
    {"MESSAGE": [102, 97, 105, 108], "_SYSTEMD_UNIT": ["a", "b"], "__REALTIME_TIMESTAMP": None},
    {"MESSAGE": "mmap failed to reserve 0x6080000000 bytes --node-key abc ws://u:p@h", "SYSLOG_IDENTIFIER": "p"}))
STRACE = """4711 mmap(NULL, 414464344064, PROT_NONE, MAP_PRIVATE|MAP_NORESERVE, -1, 0) = -1 ENOMEM (Cannot allocate memory)
[pid  4712] 10:11:12.123 openat(AT_FDCWD</root>, "/dev/shm/a\\"b", O_RDWR|O_CREAT, 0600) = -1 EMFILE (Too many open files)
4711 clone(child_stack=NULL, flags=CLONE_NEWUSER|SIGCHLD <unfinished ...>
4711 <... clone resumed>) = -1 EPERM (Operation not permitted)
4712 --- SIGSYS {si_signo=SIGSYS, si_code=SYS_SECCOMP, si_syscall=__NR_memfd_create, si_arch=AUDIT_ARCH_X86_64} ---
4712 +++ killed by SIGSYS (core dumped) +++
4711 +++ exited with 1 +++
"""
RPC = ('{"jsonrpc":"2.0","id":0,"result":{"peers":5,"isSyncing":false,"shouldHavePeers":true}}',
       '{"jsonrpc":"2.0","id":1,"result":{"number":"0x12ab","parentHash":"0x00"}}',
       '{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found","data":"x"}}',
       '{"jsonrpc":"2.0","id":3,"result":{"specName":"polkadot","specVersion":1002000}}',
       '[{"id":0,"result":["Authority"]},{"id":1,"result":"12D3KooW"}]')
CGROUP = "12:memory:/lxc/c/system.slice\n1:name=systemd:/\n0::/system.slice/polkadot.service\n"
TOML = '[toolchain]\nchannel = "1.79" # c\ntargets = ["a", \'b\']\nprofile = "minimal"\n[a.b]\nc = {d = "e", f = [1, 2]}\n'
HELP = """Usage: polkadot
  --wasmtime-instantiation-strategy <STRATEGY>
      How
      Possible values:
      - pooling-copy-on-write: a
      - recreate-instance: b
  --other [possible values: a, b]
  [RELAY_CHAIN_ARGS]...
"""
DPKG = "Package: rustc\nStatus: install ok installed\nVersion: 1.63.0+dfsg1-2\n\nPackage: cargo-1.80\nStatus: x\nVersion: 1\n"
BUSCTL = ('a(sasbttttuii) 1 "/usr/bin/polkadot" 3 "polkadot" "--name" "a\\"b\\x41\\101" false 1 2 3 4 5 6 7\n'
          'as 2 "A=b" "C=d e"\na(sb) 1 "/etc/default/polkadot" true\n')
GROUPS = "@basic-io\n    # comment\n    read\n    @file-system\n@file-system\n    open\n"
CONFIG = "CONFIG_ARM64=y\nCONFIG_ARM64_VA_BITS_39=y\nCONFIG_ARM64_VA_BITS=39\n"
COMMAND = ("/usr/bin/polkadot --node-key 12 --suri=//Alice wss://u:p@host:9944 --runtime-cache-size 4 -- --collator "
           "--telemetry-url 'wss://telemetry.polkadot.io/submit/ 0' --rpc-secret-token=abc")
