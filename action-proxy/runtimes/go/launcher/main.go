// Command launcher runs one Go action inside a sandbox: POST /init builds or places it, every POST /run calls it.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
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
	server := &http.Server{Handler: newLauncher(), MaxHeaderBytes: 64 * 1024}
	fmt.Fprintln(os.Stderr, server.Serve(listener))
	os.Exit(1)
}

// listen takes "unix:PATH" or "tcp:HOST:PORT".
func listen(address string) (net.Listener, error) {
	scheme, rest, found := strings.Cut(address, ":")
	if !found || (scheme != "unix" && scheme != "tcp") {
		return nil, fmt.Errorf("ARGO_LISTEN must be unix:PATH or tcp:HOST:PORT, not %s", address)
	}
	if scheme == "unix" {
		if err := os.Remove(rest); err != nil && !os.IsNotExist(err) {
			return nil, err
		}
	}
	listener, err := net.Listen(scheme, rest)
	if err == nil && scheme == "unix" {
		err = os.Chmod(rest, 0o666) // the agent may be another user; the folder guards it
	}
	return listener, err
}
