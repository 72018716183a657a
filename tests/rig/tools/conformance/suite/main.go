// Package main runs the traffic tests of Gateway API's conformance suite as a program of the rig: what is theirs is imported, and nothing of it is changed.
// With -causeway the objects that a test creates go through Causeway's API as imports that take them over.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientset "k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/gateway-api/conformance"
	"sigs.k8s.io/gateway-api/conformance/tests"
	"sigs.k8s.io/gateway-api/conformance/utils/config"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/gateway-api/pkg/features"
)

const controllerName = "gateway.envoyproxy.io/gatewayclass-controller"

// What Envoy Gateway says that it doesn't do.
var unsupported = []features.FeatureName{
	features.SupportGatewayHTTPSListenerDetectMisdirectedRequests,
	features.SupportGatewayInfrastructurePropagation,
}

var (
	chosen  = flag.String("tests", "", "names of tests, with commas; none: all of HTTPRoute, GRPCRoute and TLSRoute")
	results = flag.String("results", "results.json", "file that the results are written to")
	program = flag.String("causeway", "", "Causeway's command line, through which objects go; none: they are applied straight")
	server  = flag.String("server", "", "with -causeway: URL of the API")
	logs    = flag.String("pod-logs", "", "folder with the logs of pods, where the cluster's node gives none")
	cluster = flag.String("cluster", "main", "with -causeway: name of the cluster on record")
)

// outcome is what came of one test.
type outcome struct {
	Name    string
	Result  string
	Why     string `json:",omitempty"`
	Seconds float64
	Objects
}

func main() {
	testing.Init()
	flag.Parse()
	must(flag.Set("test.v", "true"))
	everything := func(_, _ string) (bool, error) { return true, nil }
	testing.Main(everything, []testing.InternalTest{{Name: "Conformance", F: run}}, nil, nil)
}

func run(t *testing.T) {
	options := conformance.DefaultOptions(t)
	// A client that counts its requests would be the slowest part of the tests.
	options.RestConfig.QPS = -1
	if *logs != "" {
		files := newPodLogs(*logs)
		options.RestConfig.Wrap(func(next http.RoundTripper) http.RoundTripper { return answering{files, next} })
	}
	plain, err := client.New(options.RestConfig, client.Options{Scheme: options.Client.Scheme()})
	require.NoError(t, err)
	options.Clientset, err = clientset.NewForConfig(options.RestConfig)
	require.NoError(t, err)
	options.SupportedFeatures = supported()
	options.TimeoutConfig = patient(options.TimeoutConfig)
	selected := selection(t)
	options.ManifestFS = []fs.FS{neededBase{selected}}
	options.Client = plain
	var through *records
	if *program != "" {
		through = newRecords(t, plain)
		options.Client = &recording{Client: plain, records: through}
	}
	ensureClass(t, plain, options.GatewayClassName)
	all, err := suite.NewConformanceTestSuite(options)
	require.NoError(t, err)
	if through != nil {
		// After the suite has cleaned up: cleanups run the last one first.
		t.Cleanup(func() { through.close(t) })
	}
	all.Setup(t, selected)
	outcomes := []outcome{{Name: "base", Result: "passed", Objects: through.take()}}
	for _, test := range selected {
		outcomes = append(outcomes, one(t, all, test, through))
		write(t, outcomes)
	}
}

// one runs a test as the suite does, but with the client that it was given.
func one(t *testing.T, all *suite.ConformanceTestSuite, test suite.ConformanceTest, through *records) outcome {
	test.Parallel = false
	done := outcome{Name: test.ShortName}
	var lacking []string
	for _, feature := range test.Features {
		if !all.SupportedFeatures.Has(feature) {
			lacking = append(lacking, string(feature))
		}
	}
	if lacking != nil {
		done.Why = fmt.Sprintf("Envoy Gateway or the standard channel has no %s", strings.Join(lacking, ", "))
	}
	start := time.Now()
	t.Run(test.ShortName, func(t *testing.T) {
		t.Cleanup(func() {
			switch {
			case t.Failed():
				done.Result = "failed"
			case t.Skipped():
				done.Result = "skipped"
			default:
				done.Result = "passed"
			}
		})
		test.Run(t, all)
	})
	done.Seconds = time.Since(start).Seconds()
	done.Objects = through.take()
	return done
}

// selection has the tests in the suite's order.
func selection(t *testing.T) []suite.ConformanceTest {
	var names []string
	if *chosen != "" {
		names = strings.Split(*chosen, ",")
	}
	var found []suite.ConformanceTest
	for _, test := range tests.ConformanceTests {
		isTraffic := slices.ContainsFunc([]string{"HTTPRoute", "GRPC", "TLSRoute"}, func(prefix string) bool {
			return strings.HasPrefix(test.ShortName, prefix)
		})
		isOfMesh := slices.ContainsFunc(test.Features, func(name features.FeatureName) bool { return strings.HasPrefix(string(name), "Mesh") })
		if slices.Contains(names, test.ShortName) || names == nil && isTraffic && !isOfMesh {
			found = append(found, test)
		}
	}
	require.NotEmpty(t, found)
	require.True(t, names == nil || len(names) == len(found), "the suite has %d of the %d tests that -tests names", len(found), len(names))
	return found
}

// supported is what the standard channel has and Envoy Gateway does.
func supported() []features.FeatureName {
	var names []features.FeatureName
	for feature := range features.AllFeatures {
		isOfMesh := strings.HasPrefix(string(feature.Name), "Mesh")
		if feature.Channel == features.FeatureChannelStandard && !isOfMesh && !slices.Contains(unsupported, feature.Name) {
			names = append(names, feature.Name)
		}
	}
	return names
}

// patient has each of the suite's deadlines several times as long. Two ways are compared, and no speed is claimed: the machine may run other tests beside these.
func patient(limits config.TimeoutConfig) config.TimeoutConfig {
	limits.DeleteTimeout = time.Minute
	for _, limit := range []*time.Duration{
		&limits.CreateTimeout, &limits.DeleteTimeout, &limits.GetTimeout, &limits.GatewayMustHaveAddress, &limits.GatewayMustHaveCondition,
		&limits.GatewayStatusMustHaveListeners, &limits.GatewayListenersMustHaveConditions, &limits.HTTPRouteMustNotHaveParents,
		&limits.HTTPRouteMustHaveCondition, &limits.TLSRouteMustHaveCondition, &limits.RouteMustHaveParents, &limits.MaxTimeToConsistency,
		&limits.NamespacesMustBeReady, &limits.RequestTimeout, &limits.LatestObservedGenerationSet, &limits.DefaultTestTimeout,
	} {
		*limit *= 3
	}
	return limits
}

// ensureClass makes the class whose Gateways the suite creates.
func ensureClass(t *testing.T, c client.Client, name string) {
	class := &gatewayv1.GatewayClass{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       gatewayv1.GatewayClassSpec{ControllerName: controllerName},
	}
	if err := c.Create(context.Background(), class); err != nil && !apierrors.IsAlreadyExists(err) {
		require.NoError(t, err, "the GatewayClass")
	}
}

// write keeps what is known so far, in case that a later test never ends.
func write(t *testing.T, outcomes []outcome) {
	text, err := json.MarshalIndent(outcomes, "", "  ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(*results, text, 0o644))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
