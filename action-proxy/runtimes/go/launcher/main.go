// Command launcher runs one Go action inside a sandbox: POST /init builds or places it, every POST /run calls it.
package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
)

const defaultAddress = "tcp:0.0.0.0:8080"

func main() {
	address := os.Getenv("ARGO_LISTEN")
	if address == "" {
		address = defaultAddress
	}
	listener, err := listen(address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, serve(listener, newLauncher().answer))
	os.Exit(1)
}

// listen takes "unix:PATH" or "tcp:HOST:PORT".
func listen(address string) (net.Listener, error) {
	scheme, rest, found := strings.Cut(address, ":")
	if !found || (scheme != "unix" && scheme != "tcp") {
		return nil, fmt.Errorf("ARGO_LISTEN must be unix:PATH or tcp:HOST:PORT, not %s", address)
	}
	if scheme == "tcp" {
		return net.Listen(scheme, rest)
	}
	if err := os.Remove(rest); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	defer syscall.Umask(syscall.Umask(0o111)) // the agent may be another user; the folder guards the socket
	return net.Listen(scheme, rest)
}
