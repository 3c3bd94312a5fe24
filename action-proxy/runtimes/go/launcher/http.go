package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
)

// The least of HTTP/1.1 that /init and /run need: keep-alive, Content-Length, one request at a time on a connection.

const (
	maxHead        = 64 << 10
	defaultMaxBody = 128 << 20
)

var (
	lengthHeader = regexp.MustCompile(`(?i)\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n`)
	closeHeader  = regexp.MustCompile(`(?i)\r\nconnection:[ \t]*close[ \t]*\r\n`)
	reasons      = map[int]string{
		200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 411: "Length Required",
		413: "Payload Too Large", 431: "Request Header Fields Too Large", 502: "Bad Gateway",
	}
	errHeadTooLong = errors.New("the head is too long")
)

// route gives the status and the JSON text that answer a request.
type route func(path string, body []byte) (int, []byte)

// request is what came; status is not 0 where it is refused.
type request struct {
	path   string
	body   []byte
	close  bool
	status int
}

// serve accepts for ever, a goroutine for each connection.
func serve(listener net.Listener, answer route) error {
	maxBody := limitFrom("ARGO_MAX_BODY_BYTES", defaultMaxBody)
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go serveConnection(connection, answer, maxBody)
	}
}

func serveConnection(connection net.Conn, answer route, maxBody int64) {
	defer func() { _ = connection.Close() }()
	reader := bufio.NewReaderSize(connection, maxHead)
	for {
		wanted, err := readRequest(reader, maxBody)
		if err != nil {
			return // the agent went away
		}
		status, body := wanted.status, []byte(nil)
		if status == 0 {
			status, body = answer(wanted.path, wanted.body)
		} else {
			_, body = failure(status, reasons[status])
		}
		if err := send(connection, status, body, wanted.close); err != nil || wanted.close {
			return
		}
	}
}

func readRequest(reader *bufio.Reader, maxBody int64) (request, error) {
	head, err := readHead(reader)
	if errors.Is(err, errHeadTooLong) {
		return request{status: 431, close: true}, nil
	}
	if err != nil {
		return request{}, err
	}
	if !bytes.HasPrefix(head, []byte("POST ")) {
		return request{status: 405, close: true}, nil
	}
	length := lengthHeader.FindSubmatch(head)
	if length == nil {
		return request{status: 411, close: true}, nil
	}
	size, err := strconv.ParseInt(string(length[1]), 10, 64)
	if err != nil || size > maxBody {
		return request{status: 413, close: true}, nil
	}
	path, _, _ := bytes.Cut(head[len("POST "):], []byte(" "))
	wanted := request{path: string(path), body: make([]byte, size), close: closeHeader.Match(head)}
	_, err = io.ReadFull(reader, wanted.body)
	return wanted, err
}

// readHead gives all up to the empty line, with the end of the last header.
func readHead(reader *bufio.Reader) ([]byte, error) {
	var head []byte
	for {
		line, err := reader.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || len(head)+len(line) > maxHead {
			return nil, errHeadTooLong
		}
		if err != nil {
			return nil, err
		}
		if len(line) <= len("\r\n") && len(head) > 0 {
			return head, nil
		}
		head = append(head, line...)
	}
}

func send(connection net.Conn, status int, body []byte, last bool) error {
	ending := ""
	if last {
		ending = "Connection: close\r\n"
	}
	head := fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n",
		status, reasons[status], len(body), ending)
	_, err := connection.Write(append([]byte(head), body...))
	return err
}
