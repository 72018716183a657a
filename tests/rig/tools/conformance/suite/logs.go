package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	// The files of the suite's backends.
	backendLogs = "*-backend-*.log"
	lookEvery   = 200 * time.Millisecond
)

// podLogs answers requests for logs of pods from the files that the rig writes: its node has no kubelet that the API server could ask. Their lines bear no time, and so
// it keeps in mind how long they were when.
type podLogs struct {
	folder string
	lock   sync.Mutex
	sizes  map[string][]size
}

// answering is a transport that asks the API server for all else.
type answering struct {
	*podLogs
	next http.RoundTripper
}

type size struct {
	at    time.Time
	bytes int64
}

var logOf = regexp.MustCompile(`^/api/v1/namespaces/[^/]+/pods/([^/]+)/log$`)

func newPodLogs(folder string) *podLogs {
	logs := &podLogs{folder: folder, sizes: map[string][]size{}}
	go func() {
		for ; ; time.Sleep(lookEvery) {
			logs.look()
		}
	}()
	return logs
}

func (p *podLogs) look() {
	// The pattern is none that could be wrong.
	files, _ := filepath.Glob(filepath.Join(p.folder, backendLogs))
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, file := range files {
		found, err := os.Stat(file)
		if err != nil {
			continue
		}
		pod := strings.TrimSuffix(filepath.Base(file), ".log")
		known := p.sizes[pod]
		if len(known) == 0 || known[len(known)-1].bytes != found.Size() {
			p.sizes[pod] = append(known, size{time.Now(), found.Size()})
		}
	}
}

// before is how long a log was at a time.
func (p *podLogs) before(pod string, at time.Time) int64 {
	p.lock.Lock()
	defer p.lock.Unlock()
	var bytes int64
	for _, known := range p.sizes[pod] {
		if known.at.After(at) {
			break
		}
		bytes = known.bytes
	}
	return bytes
}

func (p answering) RoundTrip(request *http.Request) (*http.Response, error) {
	named := logOf.FindStringSubmatch(request.URL.Path)
	if named == nil {
		return p.next.RoundTrip(request)
	}
	text, err := os.ReadFile(filepath.Join(p.folder, filepath.Base(named[1])+".log"))
	if err != nil {
		return nil, err
	}
	if since, err := time.Parse(time.RFC3339, request.URL.Query().Get("sinceTime")); err == nil {
		text = text[min(p.before(named[1], since), int64(len(text))):]
	}
	return &http.Response{
		Status: http.StatusText(http.StatusOK), StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text)), Request: request,
	}, nil
}
