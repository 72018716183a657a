// Package zk stands for the provider of this name.
package zk

import "github.com/traefik/traefik/v3/pkg/provider/leftout"

// ProviderName is the name that it would have.
const ProviderName = "zookeeper"

// Provider is left out.
type Provider struct{ leftout.Provider }
