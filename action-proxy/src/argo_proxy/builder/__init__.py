"""Builds what runs inside a NIUk: function libraries, the JavaScript engine, the kernel and its initramfs.

Everything built is cached by a hash of what it was made from, so building twice is finding once.
"""
