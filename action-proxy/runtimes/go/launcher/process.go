package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

const (
	maxAnswer = 128 << 20
	ackWithin = 10 * time.Second
)

// process is the function's own program. It speaks OpenWhisk's action loop: one line of JSON in on stdin, one out on
// descriptor 3; its stdout and stderr are the log. Runs are made one after another.
type process struct {
	mutex   sync.Mutex
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

func startProcess(program string) (*process, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	command := exec.Command(program)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.ExtraFiles = []*os.File{writer}
	command.Env = append(os.Environ(), "__OW_WAIT_FOR_ACK=1")
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("cannot start action: %w", err)
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	started := &process{command: command, in: in, out: bufio.NewReaderSize(reader, 64*1024)}
	return started, started.awaitAck(reader)
}

// awaitAck waits for {"ok":true}: a program that is no action loop must fail at init, not hang at its first run.
func (p *process) awaitAck(reader *os.File) error {
	if err := reader.SetReadDeadline(time.Now().Add(ackWithin)); err != nil {
		return err
	}
	line, err := p.readLine()
	if err != nil || !bytes.Contains(line, []byte(`"ok"`)) {
		_ = p.command.Process.Kill()
		_ = p.command.Wait()
		return errors.New("cannot start action: the executable did not acknowledge on descriptor 3 (see logs)")
	}
	return reader.SetReadDeadline(time.Time{})
}

// call sends one line and gives the line that answers it, without its end.
func (p *process) call(line []byte) ([]byte, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	written := make(chan error, 1)
	go func() {
		_, err := p.in.Write(line)
		written <- err
	}()
	answer, err := p.readLine()
	if err != nil {
		return nil, fmt.Errorf("the action's process ended: %w", err)
	}
	return answer, <-written
}

func (p *process) readLine() ([]byte, error) {
	var whole []byte
	for {
		part, err := p.out.ReadSlice('\n')
		whole = append(whole, part...)
		if err == nil {
			return bytes.TrimSpace(whole), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if len(whole) > maxAnswer {
			return nil, errors.New("its answer is too long")
		}
	}
}

// exitCode waits for a process whose pipe is closed.
func (p *process) exitCode() int {
	timer := time.AfterFunc(time.Second, func() { _ = p.command.Process.Kill() })
	defer timer.Stop()
	_ = p.command.Wait()
	if code := p.command.ProcessState.ExitCode(); code > 0 {
		return code
	}
	return 1
}
