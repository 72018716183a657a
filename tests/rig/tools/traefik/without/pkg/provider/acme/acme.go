// Package acme stands for the orders of certificates. Those of Gateways come from Secrets.
package acme

import ptypes "github.com/traefik/paerser/types"

// Configuration is what the static configuration asks of it.
type Configuration struct {
	CAServer, Storage string
	DNSChallenge      *DNSChallenge
	HTTPChallenge     *HTTPChallenge
	TLSChallenge      *struct{}
}

// DNSChallenge is what it asks of proofs by DNS.
type DNSChallenge struct {
	Provider                string
	DisablePropagationCheck bool
	DelayBeforeCheck        ptypes.Duration
	Propagation             *Propagation
}

// HTTPChallenge is what it asks of proofs by HTTP.
type HTTPChallenge struct {
	EntryPoint string
	Delay      ptypes.Duration
}

// Propagation is what it asks of the waits for them.
type Propagation struct {
	DisableChecks     bool
	DelayBeforeChecks ptypes.Duration
}
