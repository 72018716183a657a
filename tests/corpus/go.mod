// Objects that are read by `make corpus` beside those of deploy/bundles-src. Nothing is built here.
module causeway.dev/corpus

go 1.26.8

require sigs.k8s.io/gateway-api/conformance v1.6.1
