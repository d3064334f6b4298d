#!/usr/bin/env bash
# A Debian 13 that boots: a virtual machine with its own kernel and systemd, and Docker, in which the package and the container image are what an
# operator has. It is booted three times; tests/vm/inside.sh is what runs in it and says what it saw. The package is built in the root of
# deploy/ci/debian13, the image is that of tests/container/run.sh. Needs root, and /dev/kvm, or patience; no network, but for what is installed
# the first time (kept under WHORL_CI_CACHE).
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "$(id -u)" -ne 0 ]; then
    echo "vm: needs root" >&2
    exit 1
fi
if [ "${1:-}" != inside ]; then
    sh deploy/deps.sh vm
    deploy/ci/debian13 root # makes it if it is not there, and puts this tree into it
    exec unshare -m --propagation private "$PWD/tests/vm/run.sh" inside
fi

cache=${WHORL_CI_CACHE:-/var/cache/whorl-ci}
built=$(ls -d "$cache"/debian13-????????????????)
work=$(mktemp -d)
pid=
cleanup() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    umount -R -l "$work/build" "$work/base" 2>/dev/null || true
    umount -l "$work/memory" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
say() { printf 'ok   vm: %s\n' "$*"; }
die() {
    printf 'FAIL vm: %s\n' "$*" >&2
    tail -n 40 "$work"/log "$work"/console 2>/dev/null >&2 || true
    exit 1
}
inside() { chroot "$1" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c "$2" >>"$work/log" 2>&1; }

# the package, in an overlay that vanishes: that root stays as it is
mkdir "$work/memory" "$work/build"
mount -t tmpfs -o size=4g tmpfs "$work/memory"
mkdir "$work/memory/upper" "$work/memory/work"
mount -t overlay overlay -o "lowerdir=$built,upperdir=$work/memory/upper,workdir=$work/memory/work" "$work/build"
mount --rbind /dev "$work/build/dev"
mount -t proc proc "$work/build/proc"
cp /etc/resolv.conf "$work/build/etc/resolv.conf" 2>/dev/null || true
inside "$work/build" "apt-get update -qq; cd /whorl && sh deploy/deps.sh build deb && make -s -j$(nproc) deb" || die "make deb"
package=$(ls "$work"/build/whorl/build/whorl_*.deb)

# Debian with a kernel, systemd, Docker, and what the package depends on; made once
packages="linux-image-cloud-amd64 initramfs-tools systemd-sysv dbus udev iproute2 iptables docker.io docker-cli docker-compose jq curl openssl ca-certificates procps"
base=$cache/vm-$({ echo "$packages"; dpkg-deb -f "$package" Depends; } | sha256sum | cut -c 1-16)
make_base() {
    mkdir "$work/base"
    tar -C "$work/base" -xf "$cache/debian13-base.tar"
    for part in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d; do cp -a "$built$part" "$work/base/$(dirname $part)/" 2>/dev/null || true; done
    cp /etc/resolv.conf "$work/base/etc/resolv.conf" 2>/dev/null || true
    cp "$package" "$work/base/root/whorl.deb"
    mount --rbind /dev "$work/base/dev"
    mount -t proc proc "$work/base/proc"
    inside "$work/base" "printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 0755 /usr/sbin/policy-rc.d && apt-get update -qq &&
        apt-get install -y -qq --no-install-recommends $packages /root/whorl.deb && dpkg --purge whorl && rm -rf /usr/sbin/policy-rc.d /root/whorl.deb /var/lib/apt/lists/* &&
        apt-get clean" || die "the system of the machine"
    umount -R -l "$work/base/dev" "$work/base/proc"
    rm -rf "$cache"/vm-*
    mkdir "$work/boot"
    cp "$work"/base/boot/vmlinuz-* "$work/boot/kernel"
    cp "$work"/base/boot/initrd.img-* "$work/boot/initrd"
    printf '/dev/vda / ext4 defaults 0 1\n' >"$work/base/etc/fstab"
    echo whorl-test >"$work/base/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 whorl-test\n' >"$work/base/etc/hosts"
    cp tests/vm/test.service "$work/base/etc/systemd/system/test.service"
    ln -s /etc/systemd/system/test.service "$work/base/etc/systemd/system/multi-user.target.wants/test.service"
    truncate -s 6G "$work/boot/disk"
    mke2fs -q -t ext4 -d "$work/base" "$work/boot/disk" || die "its disk"
    cp -r --sparse=always "$work/boot" "$cache/vm-new.$$"
    mv "$cache/vm-new.$$" "$base"
}
[ -d "$base" ] || make_base

# what the test brings: a tar file that the machine sees as a disk
tests/container/run.sh image >>"$work/log" 2>&1 || die "the image"
mkdir "$work/brought"
podman save -q --format docker-archive -o "$work/brought/image.tar" localhost/whorl:latest
cp "$package" "$work/brought/whorl.deb"
cp tests/vm/inside.sh deploy/compose.yaml deploy/env.example "$work/brought/"
tar -C "$work/brought" -cf "$work/brought.tar" .
cp --sparse=always "$base/disk" "$work/disk"

accelerator=tcg
[ -w /dev/kvm ] && accelerator=kvm
: >"$work/told"
boot() { # one time; ends when the machine is off
    qemu-system-x86_64 -accel $accelerator -cpu "$([ $accelerator = kvm ] && echo host || echo max)" -smp 2 -m 2048 -nodefaults -no-user-config -display none \
        -kernel "$base/kernel" -initrd "$base/initrd" -append "root=/dev/vda rw console=ttyS0 quiet panic=-1" -no-reboot \
        -drive "file=$work/disk,format=raw,if=virtio,cache=unsafe" -drive "file=$work/brought.tar,format=raw,if=virtio,readonly=on" \
        -device virtio-rng-pci -chardev "file,id=console,path=$work/console,append=on" -serial chardev:console \
        -chardev "file,id=told,path=$work/told,append=on" -serial chardev:told >>"$work/log" 2>&1 &
    pid=$!
    for _ in $(seq 3000); do
        if ! kill -0 $pid 2>/dev/null; then
            pid=
            return
        fi
        if [ $accelerator = kvm ] && grep -q 'KVM internal error' "$work/log"; then # a virtual machine's own KVM may know half of the instructions
            kill $pid
            accelerator=tcg
            boot "$1"
            return
        fi
        sleep 0.5
    done
    die "boot $1 did not come to its end"
}
for n in 1 2 3; do
    boot $n
    if grep -q '^FAIL' "$work/told" || ! grep -q "^boot $n done" "$work/told"; then
        cat "$work/told"
        die "boot $n"
    fi
done
grep '^ok' "$work/told"
