package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const noToolchain = "there is no Go toolchain here: compile the action to an executable and send it, or a zip with it as `exec`"

// build compiles a folder of Go text, with the loop that calls the handler, offline.
func build(folder, program, main string) error {
	name, err := exported(main)
	if err != nil {
		return err
	}
	tool := filepath.Dir(os.Args[0])
	toolchain := filepath.Join(tool, "bin", "go")
	if _, err := os.Stat(toolchain); err != nil {
		return errors.New(noToolchain)
	}
	if err := addHarness(tool, folder, name); err != nil {
		return err
	}
	cache, err := writableCache(tool)
	if err != nil {
		return err
	}
	command := exec.Command(toolchain, "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	command.Dir = folder
	command.Env = append(os.Environ(), "GOCACHE="+cache, "GOPROXY=off", "GOTOOLCHAIN=local", "CGO_ENABLED=0",
		"GOPATH="+cache+"-path", "GOFLAGS="+vendoring(folder), "GO111MODULE=on", "GOTELEMETRY=off")
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("the Go code does not compile: %w\n%s", err, output)
	}
	return nil
}

func addHarness(tool, folder, name string) error {
	text, err := os.ReadFile(filepath.Join(tool, "harness.go"))
	if err != nil {
		return err
	}
	harness := strings.ReplaceAll(string(text), "var handler any = Main", "var handler any = "+name)
	if err := os.WriteFile(filepath.Join(folder, "argo_harness__.go"), []byte(harness), 0o644); err != nil {
		return err
	}
	module := filepath.Join(folder, "go.mod")
	if _, err := os.Stat(module); err == nil {
		return nil
	}
	return os.WriteFile(module, []byte("module action\n\ngo 1.19\n"), 0o644)
}

func vendoring(folder string) string {
	if _, err := os.Stat(filepath.Join(folder, "vendor", "modules.txt")); err == nil {
		return "-mod=vendor"
	}
	return "-mod=mod"
}

// writableCache makes a build cache that starts with the compiled standard library: links to the read-only one.
func writableCache(tool string) (string, error) {
	cache, err := os.MkdirTemp(os.Getenv("ARGO_WORK"), "go-build-")
	if err != nil {
		return "", err
	}
	warm := filepath.Join(tool, "gocache")
	return cache, filepath.WalkDir(warm, func(path string, entry os.DirEntry, err error) error {
		if err != nil || path == warm {
			return err
		}
		target := filepath.Join(cache, strings.TrimPrefix(path, warm))
		if entry.IsDir() {
			return os.Mkdir(target, 0o755)
		}
		return os.Symlink(path, target)
	})
}
