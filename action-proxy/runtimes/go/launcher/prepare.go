package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	functionName = regexp.MustCompile(`^[\p{L}_][\p{L}\p{Nd}_]*$`)
	zipMagic     = []byte("PK\x03\x04")
	elfMagic     = []byte("\x7fELF")
)

// prepare gives the path of the function's program: built from Go text, found in an archive, or the code itself.
func prepare(code, main string, binary bool) (string, error) {
	folder, err := os.MkdirTemp(os.Getenv("ARGO_WORK"), "action-")
	if err != nil {
		return "", err
	}
	program := filepath.Join(folder, "exec")
	if !binary {
		if err := os.WriteFile(filepath.Join(folder, "main__.go"), []byte(code), 0o644); err != nil {
			return "", err
		}
		return program, build(folder, program, main)
	}
	content, err := base64.StdEncoding.DecodeString(code)
	if err != nil {
		return "", fmt.Errorf("cannot decode the request: %w", err)
	}
	switch {
	case bytes.HasPrefix(content, elfMagic):
		return program, os.WriteFile(program, content, 0o755)
	case bytes.HasPrefix(content, zipMagic):
		return program, prepareArchive(content, folder, program, main)
	}
	return "", errors.New("the code is neither Go text, nor an executable, nor a zip with one")
}

func prepareArchive(content []byte, folder, program, main string) error {
	if err := unzip(content, folder); err != nil {
		return fmt.Errorf("There was an error uncompressing the action archive: %w.", err) //nolint:stylecheck // users know this text
	}
	if err := os.Chdir(folder); err != nil {
		return err
	}
	if _, err := os.Stat(program); err == nil {
		return os.Chmod(program, 0o755)
	}
	source := folder
	if sources, _ := filepath.Glob(filepath.Join(folder, "src", "*.go")); len(sources) > 0 {
		source = filepath.Join(folder, "src")
	}
	return build(source, program, main)
}

// exported turns the handler's name into that of an exported function: "main" is Main.
func exported(main string) (string, error) {
	if !functionName.MatchString(main) {
		return "", fmt.Errorf("'%s' is not the name of a Go function", main)
	}
	first := []rune(main)[0]
	return strings.ToUpper(string(first)) + strings.TrimPrefix(main, string(first)), nil
}
