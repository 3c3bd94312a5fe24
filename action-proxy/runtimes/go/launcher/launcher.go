package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

const (
	sentinel       = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n"
	notADictionary = "The action did not return a dictionary or array."
)

// launcher is the state of one action: ready → starting → initialised | failed.
type launcher struct {
	mutex   sync.Mutex
	state   string
	process *process
}

type initValue struct {
	Main   *string                    `json:"main"`
	Code   string                     `json:"code"`
	Binary bool                       `json:"binary"`
	Env    map[string]json.RawMessage `json:"env"`
}

func newLauncher() *launcher {
	return &launcher{state: "ready"}
}

// limitFrom reads a bound that a driver may set.
func limitFrom(name string, otherwise int64) int64 {
	if value, err := strconv.ParseInt(os.Getenv(name), 10, 64); err == nil && value > 0 {
		return value
	}
	return otherwise
}

func (l *launcher) answer(path string, body []byte) (int, []byte) {
	switch path {
	case "/run":
		return l.run(body)
	case "/init":
		return l.init(body)
	}
	return failure(404, "The requested resource could not be found.")
}

func (l *launcher) init(body []byte) (int, []byte) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.state != "ready" {
		return failure(403, "Cannot initialize the action more than once.")
	}
	var message struct {
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(body, &message); err != nil {
		return malformed(err)
	}
	var value initValue
	if err := json.Unmarshal(message.Value, &value); err != nil || value.Code == "" {
		return failure(403, "Missing main/no code to execute.")
	}
	l.state = "starting"
	started, err := start(&value)
	if err != nil {
		l.state = "failed"
		fmt.Fprintln(os.Stderr, err)
		mark()
		return failure(502, "Initialization has failed due to: "+err.Error())
	}
	l.process = started
	l.state = "initialised"
	return 200, []byte(`{"ok":true}`)
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
		return failure(403, "System not ready, status is "+state+".")
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
		return failure(502, notADictionary)
	}
	return 200, answer
}

func isDictionaryOrArray(answer []byte) bool {
	return len(answer) > 0 && (answer[0] == '{' || answer[0] == '[') && json.Valid(answer)
}

func mark() {
	_, _ = os.Stdout.WriteString(sentinel) // a stream that nobody reads needs no mark
	_, _ = os.Stderr.WriteString(sentinel)
}

func malformed(err error) (int, []byte) {
	return failure(400, "The request content was malformed: "+err.Error())
}

func failure(status int, text string) (int, []byte) {
	body, err := json.Marshal(map[string]string{"error": text})
	if err != nil {
		panic(err) // a map of strings always encodes
	}
	return status, body
}
