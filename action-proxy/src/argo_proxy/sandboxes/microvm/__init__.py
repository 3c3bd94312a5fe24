"""Virtual machines of QEMU's `microvm` kind: a kernel, an initramfs, a virtio-serial port to talk over."""
