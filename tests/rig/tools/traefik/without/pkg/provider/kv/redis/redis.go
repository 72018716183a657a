// Package redis stands for the provider of this name.
package redis

import "github.com/traefik/traefik/v3/pkg/provider/leftout"

// ProviderName is the name that it would have.
const ProviderName = "redis"

// Provider is left out.
type Provider struct{ leftout.Provider }
