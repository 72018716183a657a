package main

import (
	"bytes"
	"io/fs"
	"regexp"
	"strings"
	"testing/fstest"

	"sigs.k8s.io/gateway-api/conformance"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
)

const baseManifests = "base/manifests.yaml"

// neededBase has the suite's manifests. Of those that all tests share it leaves out what no chosen test names, and starts one pod of each Deployment: the machine that
// runs them is small.
type neededBase struct{ tests []suite.ConformanceTest }

var (
	nameOf      = regexp.MustCompile(`(?m)^  name: (\S+)$`)
	namespaceOf = regexp.MustCompile(`(?m)^  namespace: (\S+)$`)
	kindOf      = regexp.MustCompile(`(?m)^kind: (\S+)$`)
	replicas    = regexp.MustCompile(`(?m)^  replicas: \d+$`)
)

func (n neededBase) Open(name string) (fs.File, error) {
	if name != baseManifests {
		return conformance.Manifests.Open(name)
	}
	whole, err := fs.ReadFile(&conformance.Manifests, name)
	if err != nil {
		return nil, err
	}
	var named strings.Builder
	for _, test := range n.tests {
		for _, location := range test.Manifests {
			text, err := fs.ReadFile(&conformance.Manifests, location)
			if err != nil {
				return nil, err
			}
			named.Write(text)
		}
	}
	return fstest.MapFS{name: {Data: needed(whole, named.String())}}.Open(name)
}

// needed keeps the namespaces, and what the manifests of tests name. The suite waits for a pod in each namespace, so one Deployment of each stays in any case.
func needed(base []byte, named string) []byte {
	var kept [][]byte
	populated := map[string]bool{}
	keep := func(document []byte) {
		kept = append(kept, replicas.ReplaceAll(document, []byte("  replicas: 1")))
		if found(kindOf, document) == "Deployment" {
			populated[found(namespaceOf, document)] = true
		}
	}
	var left [][]byte
	for _, document := range bytes.Split(base, []byte("\n---\n")) {
		kind, name := found(kindOf, document), found(nameOf, document)
		isNamed := name != "" && regexp.MustCompile(`name: "?`+regexp.QuoteMeta(name)+`"?\s`).MatchString(named)
		switch {
		case isNamed || kind == "Namespace":
			keep(document)
		case kind == "Deployment":
			left = append(left, document)
		}
	}
	for _, document := range left {
		if !populated[found(namespaceOf, document)] {
			keep(document)
		}
	}
	return bytes.Join(kept, []byte("\n---\n"))
}

func found(pattern *regexp.Regexp, document []byte) string {
	found := pattern.FindSubmatch(document)
	if found == nil {
		return ""
	}
	return string(found[1])
}
