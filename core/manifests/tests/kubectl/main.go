// Prints what kubectl's decoder makes of texts, for ../data/kubectl.jsonl. Reads such lines ([text, anything]) and prints them anew:
//
//	go run . < ../data/kubectl.jsonl > new && mv new ../data/kubectl.jsonl
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// documents reads a stream as kubectl's builder of resources does; empty documents are left out.
func documents(text string) ([]any, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(text)), 4096)
	all := []any{}
	for {
		var document runtime.RawExtension
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		raw := bytes.TrimSpace(document.Raw)
		if len(raw) == 0 || string(raw) == "null" {
			continue
		}
		var value any
		if err := utiljson.Unmarshal(raw, &value); err != nil {
			return nil, err
		}
		all = append(all, value)
	}
}

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for {
		var line []any
		if err := in.Decode(&line); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			panic(err)
		}
		var result any
		result, err := documents(line[0].(string))
		if err != nil {
			result = map[string]bool{"error": true}
		}
		if err := out.Encode([]any{line[0], result}); err != nil {
			panic(err)
		}
	}
}
