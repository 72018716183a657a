// Package plugins stands for what loads and interprets plugins.
package plugins

import (
	"context"
	"net/http"
)

// Constructor makes a middleware.
type Constructor func(ctx context.Context, next http.Handler) (http.Handler, error)

// Descriptor names no plugin.
type Descriptor struct{}

// LocalDescriptor names no plugin.
type LocalDescriptor struct{}
