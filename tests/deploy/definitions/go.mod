// Definitions of kinds that the chart uses and that the rig's controllers don't bring. Nothing is built here: the tests read files out of this module, so
// its own dependencies are neither listed nor downloaded. go.sum holds its checksum.
module causeway.dev/deploy/definitions

go 1.26.8

require github.com/prometheus-operator/prometheus-operator v0.85.0
