# shellcheck shell=bash
# vm_setup: makes sure of QEMU (tests/install-packages vm) and of a kernel image,
# modules and an initramfs in the cache folder; sets VM_DIR.

# shellcheck disable=SC2154 # "here" is set by vmrun
VM_CACHE=${VMRUN_CACHE:-}
VM_FORMAT=1 # raise this when what is cached changes form

vm_setup() {
	"$here/../install-packages" vm >&2 || die "packages are missing"
	if [ -z "$VM_CACHE" ]; then
		if [ -w /var/cache ]; then VM_CACHE=/var/cache/berth-vm; else VM_CACHE=${HOME:?}/.cache/berth-vm; fi
	fi
	mkdir -p "$VM_CACHE"
	VM_DIR=$VM_CACHE/v$VM_FORMAT
	vm_stale || return 0
	exec 7>"$VM_CACHE/lock"
	flock 7
	if [ ! -e "$VM_DIR/ready" ]; then
		rm -rf "$VM_DIR" "$VM_DIR.new"
		mkdir -p "$VM_DIR.new"
		vm_fetch "$VM_DIR.new"
		vm_unpack "$VM_DIR.new"
		vm_initrd "$VM_DIR.new"
		touch "$VM_DIR.new/ready"
		mv "$VM_DIR.new" "$VM_DIR"
	elif vm_stale; then
		vm_initrd "$VM_DIR"
		touch "$VM_DIR/ready"
	fi
	exec 7>&-
}

vm_stale() { # is what is cached absent, or older than what makes it?
	[ ! -e "$VM_DIR/ready" ] || [ "$here/initramfs.sh" -nt "$VM_DIR/ready" ] ||
		[ "$here/setup.sh" -nt "$VM_DIR/ready" ]
}

vm_kernel_package() {
	apt-cache depends linux-image-amd64 2>/dev/null |
		awk '$1 == "Depends:" && $2 ~ /^linux-image-[0-9]/ { print $2; exit }'
}

vm_download() { # folder, package
	(cd "$1" && apt-get -q -o APT::Sandbox::User=root download "$2" >&2)
}

vm_fetch() { # folder: the newest stock kernel's package, unpacked
	local dir=$1 pkg
	echo "vmrun: fetching Debian's kernel into $VM_CACHE (once)" >&2
	mkdir "$dir/deb"
	pkg=$(vm_kernel_package)
	if [ -z "$pkg" ] || ! vm_download "$dir/deb" "$pkg"; then
		[ "$(id -u)" = 0 ] && apt-get -q update >&2
		pkg=$(vm_kernel_package)
		[ -n "$pkg" ] || die "no linux-image-amd64 in the package lists"
		vm_download "$dir/deb" "$pkg" || die "cannot download $pkg"
	fi
	mkdir "$dir/root"
	dpkg-deb -x "$dir"/deb/*.deb "$dir/root"
	rm -rf "$dir/deb" "$dir/root/usr/share/doc" "$dir"/root/boot/System.map*
	# drivers for hardware that the guest has not
	(cd "$dir"/root/lib/modules/*/kernel && rm -rf sound drivers/{gpu,media,infiniband,staging,isdn,iio,hwmon,mtd,ata,scsi,usb,input,leds,platform,hid,mfd,mmc,nvme,thunderbolt,bluetooth,i2c,spi,power,pinctrl,gpio,nfc,fpga,edac,tty,video,w1,watchdog,firmware,hsi,soundwire,message,target,comedi,accel,extcon,regulator,clk,bus,ntb,uio,parport,pcmcia,cpufreq} \
		drivers/net/{ethernet,wireless,usb,can,wwan,fddi,hamradio,arcnet,phy,ieee802154})
}

vm_number() { # file, offset, size: an unsigned number in the file
	od -An -t"u$3" -j"$2" -N"$3" "$1" | tr -d ' \n'
}

# The compressed kernel image holds an ELF file.  QEMU starts that one straight
# away (PVH); unpacking it in the guest would cost seconds of emulation.
vm_unpack() { # folder
	local dir=$1 img size sects off len magic
	img=$(echo "$dir"/root/boot/vmlinuz-*)
	size=$(stat -c %s "$img")
	[ "$(vm_number "$img" 514 4)" = 1400005704 ] || die "$img: not a Linux boot image"
	sects=$(vm_number "$img" 497 1); [ "$sects" != 0 ] || sects=4
	off=$(( (sects + 1) * 512 + $(vm_number "$img" 584 4) ))
	len=$(vm_number "$img" 588 4)
	[ $((off + len)) -le "$size" ] || die "$img: payload out of bounds"
	# head closes the pipe early, so tail's status says nothing
	{ tail -c +$((off + 1)) "$img" 2>/dev/null || :; } | head -c $((len - 4)) >"$dir/payload"
	magic=$(od -An -tx1 -N4 "$dir/payload" | tr -d ' \n')
	case $magic in
	fd377a58) xz -dc <"$dir/payload";;
	1f8b*) gzip -dc <"$dir/payload";;
	28b52ffd) zstd -dc <"$dir/payload";;
	02214c18) lz4 -dc <"$dir/payload";;
	7f454c46) cat "$dir/payload";;
	*) die "$img: unknown compression $magic";;
	esac >"$dir/vmlinux"
	rm -f "$dir/payload"
	[ "$(od -An -tx1 -N4 "$dir/vmlinux" | tr -d ' \n')" = 7f454c46 ] || die "$img: no ELF file inside"
}

vm_initrd() { # folder
	local dir=$1 kver m f ir=$1/ir
	local PATH=$PATH:/sbin:/usr/sbin
	kver=$(ls "$dir/root/lib/modules")
	[ -e "$dir/root/lib/modules/$kver/modules.dep.bin" ] || depmod -b "$dir/root" "$kver"
	rm -rf "$ir"
	mkdir -p "$ir"/{bin,proc,sys,dev,mods,newroot,lower,rw}
	cp -L /bin/busybox "$ir/bin/busybox"
	for m in sh mount mkdir insmod cp switch_root; do ln -s busybox "$ir/bin/$m"; done
	cp "$here/initramfs.sh" "$ir/init"
	chmod 755 "$ir/init"
	for m in virtio_mmio virtio_pci 9pnet_virtio 9p overlay virtio_console; do
		modprobe -d "$dir/root" -S "$kver" --show-depends "$m" | awk '$1 == "insmod" { print $2 }'
	done | awk '!seen[$0]++' >"$dir/modlist"
	while read -r f; do
		cp "$f" "$ir/mods/"
		echo "${f##*/}"
	done <"$dir/modlist" >"$ir/mods/order"
	(cd "$ir" && find . | cpio -o -H newc --quiet) >"$dir/initrd"
	rm -rf "$ir"
}
