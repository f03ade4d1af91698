# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that hosts in the field have: how each is planted, what has to be said of it, and what remediate makes of it.

Each is planted on a host of its own. All hosts have a /dev/shm of 64 MiB and a node set to few open files besides, so that
there is something to do on each: remount, edit fstab, write a drop-in, reload systemd.
"""

from __future__ import annotations

import typing as t

HEALTHY, ADVICE, AT_RISK, FAILED = "healthy", "advice", "at-risk", "failed"
# A hard limit that a running process cannot be given, so that the node has to be restarted.
RESTART = """
mkdir -p /etc/systemd/system/polkadot.service.d
printf '[Service]\\nLimitNOFILE=1024\\n' >/etc/systemd/system/polkadot.service.d/10-site.conf
systemctl daemon-reload
systemctl restart polkadot.service
"""


class Fault(t.NamedTuple):
    """One fault, on the host of this name."""

    name: str
    title: str  # its row in docs/reliability.md
    plant: str  # shell, on the host
    lift: str
    named: str = ""  # what the audit has to say of it; nothing where it stands in nobody's way
    audit: str = AT_RISK
    remedied: str = HEALTHY  # the verdict of remediate, with the fault there
    told: str = ""  # what remediate has to say of it
    refused: bool = False  # remediate changes nothing at all
    restarts: bool = False  # the node has to be restarted for its limits
    lost: bool = False  # what was changed goes with the fault
    keeps: str = ""  # shell that must succeed after remediate: what it had to leave alone
    variables: t.Mapping[str, str] = {}  # of the host in the inventory, as long as the fault is there


FAULTS = (
    Fault(
        "shm-full", "`/dev/shm` full", "head -c 64M /dev/zero >/dev/shm/filler", "rm -f /dev/shm/filler",
        named="shm-full: /dev/shm is full", keeps="test $(stat -c %s /dev/shm/filler) = 67108864"),
    Fault(
        "shm-inodes", "`/dev/shm` out of inodes",
        "mount -o remount,size=2560M,nr_inodes=20 /dev/shm; touch $(seq -f /dev/shm/%g 30) || true",
        "rm -f /dev/shm/*", named="shm-full: /dev/shm has no free inode", remedied=AT_RISK,
        told="shm-full: /dev/shm has no free inode"),
    Fault(
        "shm-busy", "`/dev/shm` busy",
        "head -c 8M /dev/zero >/dev/shm/data; systemd-run -q --unit=holder --working-directory=/dev/shm tail -f data",
        "systemctl stop holder", keeps="systemctl is-active -q holder && test $(stat -c %s /dev/shm/data) = 8388608"),
    Fault(
        "shm-ro", "`/dev/shm` read-only", "mount -o remount,ro /dev/shm", "true",
        named="shm-read-only: /dev/shm is mounted read-only"),
    Fault(
        "shm-bind", "`/dev/shm` a bind mount of a directory of another tmpfs",
        "mkdir /run/other; mount -t tmpfs -o size=64M tmpfs /run/other; mkdir -m 1777 /run/other/shm; "
        "mount --bind /run/other/shm /dev/shm",
        "umount /dev/shm", named="a bind mount of /shm of another tmpfs", remedied=AT_RISK,
        told="a bind mount of /shm of another tmpfs"),
    Fault(
        "shm-link", "`/dev/shm` a symbolic link",
        "umount /dev/shm; rmdir /dev/shm; mkdir /srv/shm; mount -t tmpfs -o size=64M,mode=1777 tmpfs /srv/shm; "
        "ln -s /srv/shm /dev/shm",
        "rm /dev/shm", named="a symbolic link to /srv/shm", remedied=AT_RISK, told="a symbolic link to /srv/shm"),
    Fault(
        "shm-missing", "`/dev/shm` missing", "umount /dev/shm; rmdir /dev/shm", "true",
        named="shm-missing: no file system is mounted on /dev/shm"),
    Fault(
        "shm-disk", "`/dev/shm` on another file system",
        "mkdir -m 1777 /var/shm; mount --bind /var/shm /dev/shm", "umount /dev/shm",
        named="shm-not-tmpfs: /dev/shm is a file system of type overlay", remedied=ADVICE,
        told="shm-not-tmpfs: /dev/shm is a file system of type overlay"),
    Fault(
        "fstab-link", "`/etc/fstab` a symbolic link",
        "mkdir -p /usr/local/etc; mv /etc/fstab /usr/local/etc/fstab; ln -s /usr/local/etc/fstab /etc/",
        "true", keeps="test -L /etc/fstab && grep -q /dev/shm /usr/local/etc/fstab"),
    Fault(
        "fstab-gone", "`/etc/fstab` a link to nowhere", "mv /etc/fstab /etc/kept; ln -s /usr/local/etc/fstab /etc/fstab",
        "rm /etc/fstab; mv /etc/kept /etc/fstab", named="/etc/fstab (No such file or directory)", remedied=FAILED,
        told="/etc/fstab is a link to a file that is not there", refused=True),
    Fault(
        "etc-overlay", "`/etc` on overlayfs",
        "mkdir /run/etc; mount -t tmpfs tmpfs /run/etc; mkdir /run/etc/upper /run/etc/work; "
        "mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc",
        "umount --lazy /etc", lost=True, keeps="grep -q /dev/shm /run/etc/upper/fstab"),
    Fault(
        "disk-full", "the disk 100 % full",
        "mount --make-rprivate /; for d in etc var; do mkdir /run/$d; "
        "mount -t tmpfs -o size=96M tmpfs /run/$d; cp -a /$d/. /run/$d; mount --bind /run/$d /$d; "
        "cat /dev/zero >/$d/filler || true; done",
        "rm /etc/filler /var/filler", remedied=FAILED, told="is on a file system that is full", refused=True),
    Fault("degraded", "systemd degraded",
          "systemd-run -q --unit=broken false; while systemctl is-active -q broken; do sleep 0.1; done", "systemctl reset-failed",
          keeps="test $(systemctl is-system-running) = degraded"),
    Fault("dbus-down", "D-Bus down", RESTART + "systemctl stop dbus.socket dbus.service; rm -f /run/dbus/system_bus_socket",
          "systemctl start dbus.socket", restarts=True, keeps="test ! -e /run/dbus/system_bus_socket"),
    Fault(
        "journald-off", "journald keeps nothing",
        "mkdir -p /etc/systemd/journald.conf.d; printf '[Journal]\\nStorage=none\\n' >/etc/systemd/journald.conf.d/off.conf; "
        "rm -rf /var/log/journal /run/log/journal; systemctl restart systemd-journald",
        "rm /etc/systemd/journald.conf.d/off.conf; systemctl restart systemd-journald",
        named="journal (nothing of polkadot.service, which was started"),
    Fault("clock", "the clock jumps by hours and years, fifty times a second", RESTART, "true", restarts=True,
          variables={"ansible_python_interpreter": "/opt/clock/python3"}),
    Fault("labels", "files with SELinux labels", "true", "true",
          keeps="python3 -c 'import os; print(os.getxattr(\"/etc/fstab\", \"security.selinux\"))' | grep -q :etc_t:s0"),
    Fault("python-37", "Python 3.7 only", "mv /usr/bin/python3.11 /usr/bin/hidden", "true",
          remedied=FAILED, told="the Python of this host is too old for ansible-core", refused=True),
    Fault("no-python", "no Python", "mv /usr/bin/python3.11 /usr/bin/hidden", "mv /usr/bin/hidden /usr/bin/python3.11",
          named="no Python on this host: /usr/bin/python3 is not there", audit=FAILED, remedied=FAILED,
          told="no Python on this host: /usr/bin/python3 is not there", refused=True),
    Fault(
        "busybox", "busybox only",
        "useradd --no-create-home --password x box; printf 'Match User box\\n  AuthorizedKeysFile /root/.ssh/box_keys\\n  "
        "ChrootDirectory /srv/busybox\\n' >/etc/ssh/sshd_config.d/box.conf; cp /root/.ssh/authorized_keys /root/.ssh/box_keys; "
        "chmod 711 /root /root/.ssh; chmod 644 /root/.ssh/box_keys; systemctl reload ssh",
        "rm /etc/ssh/sshd_config.d/box.conf; systemctl reload ssh",
        named="no Python on this host: /usr/bin/python3 is not there", audit=FAILED, remedied=FAILED,
        told="no Python on this host: /usr/bin/python3 is not there", refused=True, variables={"ansible_user": "box"}),
    Fault("systemd-hangs", "systemd does not answer (PID 1 stopped)", "true", "true",
          named="not-evaluated: services were not judged, systemd did not tell of them", remedied=ADVICE,
          told="gave no answer within 60 seconds"),
)
