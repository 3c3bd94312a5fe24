package main

// Compiled together with an action's own text: reads one line of JSON a run from stdin, answers on descriptor 3.

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
)

// Any function of one argument (a map or a slice) with one result (a map or a slice) fits.
var handler any = Main

func main() {
	out := os.NewFile(3, "answers")
	kind := reflect.TypeOf(handler)
	if kind.Kind() != reflect.Func || kind.NumIn() != 1 || kind.NumOut() != 1 {
		fmt.Fprintf(os.Stderr, "The handler must be a func(map[string]interface{}) map[string]interface{}, not %v\n", kind)
		os.Exit(1)
	}
	fmt.Fprintln(out, `{"ok":true}`)
	in := bufio.NewReaderSize(os.Stdin, 64*1024)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			if err != io.EOF {
				fmt.Fprintln(os.Stderr, err)
			}
			return
		}
		if _, err := out.Write(append(argoCall(line, kind), '\n')); err != nil {
			return
		}
	}
}

func argoCall(line []byte, kind reflect.Type) (answer []byte) {
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Fprintf(os.Stderr, "panic: %v\n%s", reason, debug.Stack())
			answer = argoFailure(fmt.Sprint(reason))
		}
	}()
	var message map[string]json.RawMessage
	if err := json.Unmarshal(line, &message); err != nil {
		return argoFailure(err.Error())
	}
	argument := reflect.New(kind.In(0))
	value, found := message["value"]
	if !found {
		value = json.RawMessage("{}")
	}
	if err := json.Unmarshal(value, argument.Interface()); err != nil {
		return argoFailure(err.Error())
	}
	argoPublish(message)
	result, err := json.Marshal(reflect.ValueOf(handler).Call([]reflect.Value{argument.Elem()})[0].Interface())
	if err != nil {
		return argoFailure(err.Error())
	}
	return result
}

func argoPublish(message map[string]json.RawMessage) {
	for name, raw := range message {
		var text string
		if name != "value" && json.Unmarshal(raw, &text) == nil {
			_ = os.Setenv("__OW_"+strings.ToUpper(name), text)
		}
	}
}

func argoFailure(text string) []byte {
	answer, err := json.Marshal(map[string]string{"error": text})
	if err != nil {
		panic(err)
	}
	return answer
}
