# shellcheck shell=dash
# Runs in the guest under busybox's shell (no bash, no programs over 9p: each
# costs emulated time).  "boot" is PID 1: it mounts what is missing, then runs
# the command or hands over to systemd; "run" runs the command.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
vm=/run/vmrun
ctl=$vm/ctl
lower=$vm/lower
. "$ctl/conf"

mount_cgroups() {
	if [ "$VM_CGROUP" = 2 ]; then
		mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
		return
	fi
	mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
	for c in cpuset cpu cpuacct blkio memory devices freezer net_cls perf_event net_prio hugetlb pids rdma misc; do
		grep -q "^${c}[[:space:]]" /proc/cgroups || continue
		mkdir "/sys/fs/cgroup/$c"
		mount -t cgroup -o "$c" cgroup "/sys/fs/cgroup/$c" || rmdir "/sys/fs/cgroup/$c"
	done
	mkdir /sys/fs/cgroup/systemd
	mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
	if [ "$VM_CGROUP" = hybrid ]; then
		mkdir /sys/fs/cgroup/unified
		mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
	fi
}

show() { # a folder of the host's that a fresh tmpfs hides; writes are lost
	shown=$((${shown:-0} + 1))
	n=$vm/show.$shown
	mkdir -p "$1" "$n"
	mount -t tmpfs tmpfs "$n"
	mkdir "$n/u" "$n/w"
	mount -t overlay -o "lowerdir=$lower$1,upperdir=$n/u,workdir=$n/w" show "$1"
}

boot() {
	mkdir -p /dev/pts /dev/shm /dev/mqueue /run/lock
	mount -t devpts -o mode=620,gid=5,ptmxmode=666 devpts /dev/pts
	mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm
	mount -t mqueue mqueue /dev/mqueue
	[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
	[ -e /dev/stdin ] || ln -s /proc/self/fd/0 /dev/stdin
	[ -e /dev/stdout ] || ln -s /proc/self/fd/1 /dev/stdout
	[ -e /dev/stderr ] || ln -s /proc/self/fd/2 /dev/stderr
	for d in /tmp /var/tmp; do mount -t tmpfs -o mode=1777 tmpfs "$d"; done
	# overlay file systems cannot be the upper layer of others: tmpfs can
	for d in /var/lib/berth /var/lib/containers /var/lib/docker /var/lib/containerd /var/log; do
		mkdir -p "$d"
		mount -t tmpfs -o mode=755 tmpfs "$d"
	done
	mkdir -p /usr/lib/modules
	mount -o bind "$lower$VM_MODULES" /usr/lib/modules
	for d in securityfs:/sys/kernel/security debugfs:/sys/kernel/debug tracefs:/sys/kernel/tracing bpf:/sys/fs/bpf; do
		mount -t "${d%%:*}" "${d%%:*}" "${d#*:}" 2>/dev/null
	done
	[ "$VM_INIT" = systemd ] || mount_cgroups
	rm -f /.dockerenv # the host may be a container; the guest is none
	hostname vmrun
	ip link set lo up
	mount -o rshared /
	while IFS= read -r d; do show "$d"; done <"$ctl/shows"
	[ -d "$VM_CWD" ] || show "$VM_CWD"
	i=0
	while IFS= read -r d; do
		mkdir -p "$d"
		mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=mmap "w$i" "$d" ||
			echo "vmrun: cannot share $d" >/dev/console
		i=$((i + 1))
	done <"$ctl/shares"
}

port() { # name of a virtio port -> its device
	for p in /sys/class/virtio-ports/*; do
		read -r n <"$p/name"
		[ "$n" != "$1" ] || { echo "/dev/${p##*/}"; return; }
	done
	echo /dev/null
}

run() {
	out=$(port out) err=$(port err)
	read -r up _ </proc/uptime
	mkfifo $vm/out $vm/err
	cat $vm/out >"$out" & opid=$!
	cat $vm/err >"$err" & epid=$!
	"$vm/busybox" sh "$ctl/command" </dev/null >$vm/out 2>$vm/err &
	wait $!
	rc=$?
	read -r end _ </proc/uptime
	# what still holds the pipes must not hold the machine
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		kill -0 "$opid" 2>/dev/null || kill -0 "$epid" 2>/dev/null || break
		sleep 0.05
	done
	while IFS= read -r d; do sync -f "$d" 2>/dev/null; umount -l "$d" 2>/dev/null; done <"$ctl/shares"
	echo "$up $end" >"$ctl/times"
	echo "$rc" >"$ctl/rc"
}

off() {
	echo b >/proc/sysrq-trigger # with -no-reboot this ends the machine
	sleep 10
}

units() {
	u=/run/systemd/system
	mkdir -p "$u"
	cat >"$u/vmrun.target" <<-'UNIT'
		[Unit]
		Requires=basic.target
		Wants=dbus.service vmrun.service
		After=basic.target
		AllowIsolate=yes
	UNIT
	cat >"$u/vmrun.service" <<-'UNIT'
		[Unit]
		Requires=basic.target
		After=basic.target dbus.service
		[Service]
		Type=exec
		ExecStart=/run/vmrun/busybox sh /run/vmrun/ctl/guest.sh run
		StandardInput=null
		StandardOutput=null
		StandardError=null
		Delegate=yes
		TasksMax=infinity
		LimitNOFILE=1048576
		KillMode=process
	UNIT
	# nothing here is for a machine that lives a minute
	for s in systemd-journal-flush systemd-random-seed systemd-hwdb-update systemd-udev-trigger \
		systemd-udev-settle systemd-sysusers systemd-update-utmp systemd-modules-load \
		systemd-binfmt ldconfig systemd-machine-id-commit systemd-remount-fs systemd-timesyncd \
		systemd-pcrphase-sysinit systemd-boot-system-token systemd-firstboot systemd-fsck-root \
		systemd-tmpfiles-setup-dev systemd-udevd apparmor keyboard-setup console-setup ifupdown-pre networking; do
		ln -s /dev/null "$u/$s.service"
	done
	for s in systemd-udevd-control systemd-udevd-kernel; do ln -s /dev/null "$u/$s.socket"; done
	ln -s /dev/null "$u/timers.target"
	[ -s /etc/machine-id ] || tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
	: >/etc/fstab
}

case ${1-boot} in
boot)
	boot
	if [ "$VM_INIT" = systemd ]; then
		units
		exec /lib/systemd/systemd --unit=vmrun.target
	fi
	run
	off;;
run)
	run
	off;;
esac
