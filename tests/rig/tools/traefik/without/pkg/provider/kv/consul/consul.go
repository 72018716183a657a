// Package consul stands for the providers of this name.
package consul

import "github.com/traefik/traefik/v3/pkg/provider/leftout"

// ProviderName is the name that they would have.
const ProviderName = "consul"

// ProviderBuilder makes the one that says that it is left out.
type ProviderBuilder struct{}

// BuildProviders makes it.
func (*ProviderBuilder) BuildProviders() []*leftout.Provider { return []*leftout.Provider{{}} }
