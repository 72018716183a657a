// Where the bundles of support services come from. Nothing is built here: `make bundles` reads manifests and charts out of these
// modules, so their own dependencies are neither listed nor downloaded. go.sum holds the checksum of each.
module causeway.dev/bundles

go 1.26.8

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/envoyproxy/gateway v1.9.1
	github.com/traefik/traefik-helm-chart v41.6.0+incompatible
	github.com/traefik/traefik/v3 v3.7.13
	sigs.k8s.io/external-dns v0.22.0
	sigs.k8s.io/gateway-api v1.6.1
)
