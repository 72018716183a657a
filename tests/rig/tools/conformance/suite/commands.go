package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// commands are those of Causeway's command line, which anybody would use who takes over what they have.
type commands struct{ home string }

// importAnswer is what the API answers to an import.
type importAnswer struct {
	Documents []document
	Report    []finding
}

func (c commands) imported(ctx context.Context, stream string) (importAnswer, error) {
	var answer importAnswer
	file, err := c.file("have.json", stream)
	if err != nil {
		return answer, err
	}
	out, err := c.run(ctx, "import", "-f", file, "--take-over", "--runtime", *cluster, "-o", "json")
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal(out, &answer)
}

func (c commands) apply(ctx context.Context, documents []document) error {
	file, err := c.documents("want.yaml", documents)
	if err != nil {
		return err
	}
	_, err = c.run(ctx, "apply", "-f", file)
	return err
}

// delete returns when they are gone.
func (c commands) delete(ctx context.Context, documents []document) error {
	file, err := c.documents("gone.yaml", documents)
	if err != nil {
		return err
	}
	_, err = c.run(ctx, "delete", "-f", file, "--timeout", "3m")
	return err
}

// condition is what is said of the record of an object that doesn't come.
func (c commands) condition(object *unstructured.Unstructured) string {
	kind := "gateway-instance"
	if object.GetKind() == "Gateway" {
		kind = "shared-gateway"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := c.run(ctx, "describe", kind, object.GetName())
	if err != nil {
		return err.Error()
	}
	return string(out)
}

func (c commands) run(ctx context.Context, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, *program, arguments...)
	command.Env = []string{"HOME=" + c.home, "CAUSEWAY_SERVER=" + *server}
	var out, told bytes.Buffer
	command.Stdout, command.Stderr = &out, &told
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("causeway %s: %w: %s", strings.Join(arguments, " "), err, strings.TrimSpace(out.String()+told.String()))
	}
	return out.Bytes(), nil
}

func (c commands) documents(name string, documents []document) (string, error) {
	var text strings.Builder
	for _, one := range documents {
		line, err := json.Marshal(one)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&text, "---\n%s\n", line)
	}
	return c.file(name, text.String())
}

func (c commands) file(name, text string) (string, error) {
	path := filepath.Join(c.home, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}
