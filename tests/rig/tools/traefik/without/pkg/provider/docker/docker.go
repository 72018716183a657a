// Package docker stands for the providers of Docker and of its Swarm.
package docker

import (
	ptypes "github.com/traefik/paerser/types"
	"github.com/traefik/traefik/v3/pkg/provider/leftout"
)

const (
	// DockerName is the name that the provider of Docker would have.
	DockerName = "docker"
	// SwarmName is the name that the provider of Swarm would have.
	SwarmName = "swarm"
)

// Provider is left out.
type Provider struct {
	leftout.Provider

	HTTPClientTimeout ptypes.Duration
}

// SwarmProvider is left out.
type SwarmProvider struct {
	leftout.Provider

	HTTPClientTimeout, RefreshSeconds ptypes.Duration
}
