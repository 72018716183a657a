// Package leftout is what the providers have in common that this build is without.
package leftout

import (
	"errors"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/safe"
)

var errLeftOut = errors.New("this build of Traefik is without the provider")

// Provider provides nothing, and says so.
type Provider struct{}

// Init fails.
func (*Provider) Init() error { return errLeftOut }

// Provide fails.
func (*Provider) Provide(chan<- dynamic.Message, *safe.Pool) error { return errLeftOut }
