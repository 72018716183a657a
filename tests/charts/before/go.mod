// Charts as the tests bring them at first. Nothing is built here: the tests read charts out of
// these modules, so their own dependencies are neither listed nor downloaded. go.sum holds the checksum of each.
module causeway.dev/charts/before

go 1.26.8

require (
	github.com/bitnami-labs/sealed-secrets v0.27.1
	github.com/cert-manager/cert-manager v1.21.1
	github.com/envoyproxy/gateway v1.9.0
	github.com/open-policy-agent/gatekeeper/v3 v3.17.0
	sigs.k8s.io/descheduler v0.36.0
	sigs.k8s.io/external-dns v0.21.0
	sigs.k8s.io/kueue v0.17.0
	sigs.k8s.io/kwok v0.7.0
	sigs.k8s.io/metrics-server v0.8.0
)
