// Package ext has the additions of forks to Traefik's dynamic configuration: none.
package ext

// HTTP has none.
type HTTP struct{}

// Router has none.
type Router struct{}
