package main

import (
	"fmt"
	"os"
)

// Main answers by what it is asked for.
func Main(args map[string]interface{}) map[string]interface{} {
	if say, ok := args["say"].(string); ok {
		fmt.Println("out " + say)
		fmt.Fprintln(os.Stderr, "err "+say)
	}
	if fail, ok := args["fail"].(string); ok {
		panic(fail)
	}
	if name, ok := args["env"].(string); ok {
		return map[string]interface{}{"value": os.Getenv(name)}
	}
	name, ok := args["name"].(string)
	if !ok {
		name = "stranger"
	}
	return map[string]interface{}{"greeting": "Hello " + name}
}
