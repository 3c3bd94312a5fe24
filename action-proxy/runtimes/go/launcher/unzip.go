package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	defaultMaxUnpacked = 512 << 20
	defaultMaxEntries  = 100_000
)

// unzip unpacks into an empty folder: bounded in entries and bytes, and never outside that folder.
func unzip(content []byte, folder string) error {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return err
	}
	if err := checkSize(archive.File); err != nil {
		return err
	}
	root, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return err
	}
	var links []*zip.File
	for _, entry := range archive.File {
		if entry.Mode()&os.ModeSymlink != 0 {
			links = append(links, entry)
		} else if err := unpackEntry(entry, root); err != nil {
			return err
		}
	}
	for _, entry := range links { // last: until then no path of the archive can lead through one
		if err := makeLink(entry, root); err != nil {
			return err
		}
	}
	return nil
}

func checkSize(entries []*zip.File) error {
	maxBytes := limitFrom("ARGO_MAX_UNPACKED_BYTES", defaultMaxUnpacked)
	maxEntries := limitFrom("ARGO_MAX_UNPACKED_ENTRIES", defaultMaxEntries)
	if int64(len(entries)) > maxEntries {
		return fmt.Errorf("it has %d entries, more than the %d allowed", len(entries), maxEntries)
	}
	left := uint64(maxBytes)
	for _, entry := range entries {
		if entry.UncompressedSize64 > left {
			return fmt.Errorf("it unpacks to more than the %d bytes allowed", maxBytes)
		}
		left -= entry.UncompressedSize64
	}
	return nil
}

func targetOf(entry *zip.File, root string) (string, error) {
	bad := strings.HasPrefix(entry.Name, "/") || strings.ContainsAny(entry.Name, "\\\x00")
	for _, part := range strings.Split(entry.Name, "/") {
		bad = bad || part == ".."
	}
	if bad {
		return "", fmt.Errorf("the entry '%s' leads outside of it", entry.Name)
	}
	return filepath.Join(root, entry.Name), nil
}

func unpackEntry(entry *zip.File, root string) error {
	target, err := targetOf(entry, root)
	if err != nil {
		return err
	}
	if strings.HasSuffix(entry.Name, "/") {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if entry.Mode()&0o111 != 0 {
		mode = 0o755
	}
	file, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	if err := copyEntry(entry, file); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

func copyEntry(entry *zip.File, to io.Writer) error {
	packed, err := entry.Open()
	if err != nil {
		return err
	}
	defer func() { _ = packed.Close() }()
	size := int64(entry.UncompressedSize64)
	count, err := io.Copy(to, io.LimitReader(packed, size+1))
	if err == nil && count != size {
		err = fmt.Errorf("the entry '%s' has not the size it declares", entry.Name)
	}
	return err
}

func makeLink(entry *zip.File, root string) error {
	target, err := targetOf(entry, root)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(target))
	if err != nil {
		return err
	}
	if parent != root && !strings.HasPrefix(parent, root+string(filepath.Separator)) {
		return fmt.Errorf("the entry '%s' leads outside of it", entry.Name)
	}
	var text bytes.Buffer
	if err := copyEntry(entry, &text); err != nil {
		return err
	}
	return os.Symlink(text.String(), target)
}
