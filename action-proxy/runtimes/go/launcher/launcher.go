package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

const (
	defaultMaxBody = 128 << 20
	sentinel       = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n"
	notADictionary = "The action did not return a dictionary or array."
)

// launcher is the state of one action: ready → starting → initialised | failed.
type launcher struct {
	mutex   sync.Mutex
	state   string
	process *process
	maxBody int64
}

type initValue struct {
	Main   *string                    `json:"main"`
	Code   string                     `json:"code"`
	Binary bool                       `json:"binary"`
	Env    map[string]json.RawMessage `json:"env"`
}

func newLauncher() *launcher {
	return &launcher{state: "ready", maxBody: limitFrom("ARGO_MAX_BODY_BYTES", defaultMaxBody)}
}

// limitFrom reads a bound that a driver may set.
func limitFrom(name string, otherwise int64) int64 {
	if value, err := strconv.ParseInt(os.Getenv(name), 10, 64); err == nil && value > 0 {
		return value
	}
	return otherwise
}

func (l *launcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, answer := l.answer(w, r)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	w.Header()["Date"] = nil
	w.WriteHeader(status)
	_, _ = w.Write(answer) // the agent that left needs no answer
}

func (l *launcher) answer(w http.ResponseWriter, r *http.Request) (int, []byte) {
	if r.Method != http.MethodPost {
		return failure(http.StatusMethodNotAllowed, http.StatusText(http.StatusMethodNotAllowed))
	}
	if r.URL.Path != "/init" && r.URL.Path != "/run" {
		return failure(http.StatusNotFound, "The requested resource could not be found.")
	}
	if r.ContentLength < 0 {
		return failure(http.StatusLengthRequired, http.StatusText(http.StatusLengthRequired))
	}
	if r.ContentLength > l.maxBody {
		return failure(http.StatusRequestEntityTooLarge, "Payload Too Large")
	}
	body := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, body); err != nil {
		return malformed(err)
	}
	if r.URL.Path == "/run" {
		return l.run(body)
	}
	return l.init(body)
}

func (l *launcher) init(body []byte) (int, []byte) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.state != "ready" {
		return failure(http.StatusForbidden, "Cannot initialize the action more than once.")
	}
	var message struct {
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(body, &message); err != nil {
		return malformed(err)
	}
	var value initValue
	if err := json.Unmarshal(message.Value, &value); err != nil || value.Code == "" {
		return failure(http.StatusForbidden, "Missing main/no code to execute.")
	}
	l.state = "starting"
	started, err := start(&value)
	if err != nil {
		l.state = "failed"
		fmt.Fprintln(os.Stderr, err)
		mark()
		return failure(http.StatusBadGateway, "Initialization has failed due to: "+err.Error())
	}
	l.process = started
	l.state = "initialised"
	return http.StatusOK, []byte(`{"ok":true}`)
}

func start(value *initValue) (*process, error) {
	for name, raw := range value.Env {
		text := string(raw)
		if err := json.Unmarshal(raw, &text); err != nil {
			text = string(raw)
		}
		if err := os.Setenv(name, text); err != nil {
			return nil, fmt.Errorf("the environment cannot hold the variable %q: %w", name, err)
		}
	}
	main := "main"
	if value.Main != nil && *value.Main != "" {
		main = *value.Main
	}
	program, err := prepare(value.Code, main, value.Binary)
	if err != nil {
		return nil, err
	}
	return startProcess(program)
}

func (l *launcher) run(body []byte) (int, []byte) {
	l.mutex.Lock()
	running, state := l.process, l.state
	l.mutex.Unlock()
	if running == nil {
		return failure(http.StatusForbidden, "System not ready, status is "+state+".")
	}
	var line bytes.Buffer
	if err := json.Compact(&line, body); err != nil || !strings.HasPrefix(line.String(), "{") {
		return malformed(errors.New("a JSON object is expected"))
	}
	line.WriteByte('\n')
	answer, err := running.call(line.Bytes())
	mark()
	if err != nil {
		// The function's process ended: so does the sandbox, without an answer, as for every other language.
		fmt.Fprintln(os.Stderr, err)
		os.Exit(running.exitCode())
	}
	if !isDictionaryOrArray(answer) {
		return failure(http.StatusBadGateway, notADictionary)
	}
	return http.StatusOK, answer
}

func isDictionaryOrArray(answer []byte) bool {
	return len(answer) > 0 && (answer[0] == '{' || answer[0] == '[') && json.Valid(answer)
}

func mark() {
	_, _ = os.Stdout.WriteString(sentinel) // a stream that nobody reads needs no mark
	_, _ = os.Stderr.WriteString(sentinel)
}

func malformed(err error) (int, []byte) {
	return failure(http.StatusBadRequest, "The request content was malformed: "+err.Error())
}

func failure(status int, text string) (int, []byte) {
	body, err := json.Marshal(map[string]string{"error": text})
	if err != nil {
		panic(err) // a map of strings always encodes
	}
	return status, body
}
