// Package knative stands for the provider of this name.
package knative

import "github.com/traefik/traefik/v3/pkg/provider/leftout"

// ProviderName is the name that it would have.
const ProviderName = "knative"

// Provider is left out.
type Provider struct{ leftout.Provider }
