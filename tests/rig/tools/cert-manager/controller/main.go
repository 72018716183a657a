// The cert-manager controller as one plain process.
//
// Upstream's own main lives in a Go module that is not published. What it
// starts, however, is all in public packages: every controller registers itself
// by name, and a factory gives each of them its clients and informers. This main
// does the same few steps and accepts the flags of the real container, so that
// it can run the arguments of a Deployment unchanged; flags that it does not
// know (leader election, metrics, profiling) are ignored.
//
// Not here: leader election, metrics, the Vault and Venafi issuers, the
// controllers for the Kubernetes CSR API and for Ingress.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/klog/v2"
	"sigs.k8s.io/yaml"

	configapi "github.com/cert-manager/cert-manager/pkg/apis/config/controller/v1alpha1"
	"github.com/cert-manager/cert-manager/pkg/controller"
	dnsutil "github.com/cert-manager/cert-manager/pkg/issuer/acme/dns/util"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	utilfeature "github.com/cert-manager/cert-manager/pkg/util/feature"

	// Each of these registers a controller or an issuer when it is imported.
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmechallenges"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmeorders"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificate-shim/gateways"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificate-shim/listenerset"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/acme"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/metrics"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
)

// These two watch Gateway API kinds and fail when those are not served.
const (
	gatewayShim     = "gateway-shim"
	listenerSetShim = "listenerset"
)

// settings are the flags this process honours. Names and defaults are upstream's.
type settings struct {
	kubeconfig       string
	namespace        string
	clusterNamespace string
	controllers      []string
	gatewayAPI       bool
	listenerSet      bool
	nameservers      []string
	nameserversOnly  bool
	checkPeriod      time.Duration
	clusterAmbient   bool
	issuerAmbient    bool
	solverImage      string
	minBackoff       time.Duration
	maxBackoff       time.Duration
	ownerRef         bool
	workers          int
	challenges       int
	healthz          string
	gates            string
	verbosity        int
}

func parse(args []string) (settings, error) {
	var s settings
	fs := pflag.NewFlagSet("cert-manager-controller", pflag.ContinueOnError)
	fs.ParseErrorsAllowlist.UnknownFlags = true
	fs.StringVar(&s.kubeconfig, "kubeconfig", "", "kubeconfig of the cluster (empty: the pod's service account)")
	fs.StringVar(&s.namespace, "namespace", "", "watch this namespace only (empty: all)")
	fs.StringVar(&s.clusterNamespace, "cluster-resource-namespace", "kube-system", "namespace of ClusterIssuer secrets")
	fs.StringSliceVar(&s.controllers, "controllers", []string{"*"}, "controllers to run")
	fs.BoolVar(&s.gatewayAPI, "enable-gateway-api", false, "HTTP-01 through a Gateway, and the gateway shim")
	fs.BoolVar(&s.listenerSet, "enable-gateway-api-listenerset", false, "the ListenerSet shim")
	fs.StringSliceVar(&s.nameservers, "dns01-recursive-nameservers", nil, "host:port of the resolvers for the DNS-01 self check")
	fs.BoolVar(&s.nameserversOnly, "dns01-recursive-nameservers-only", false, "never ask authoritative servers")
	fs.DurationVar(&s.checkPeriod, "dns01-check-retry-period", 10*time.Second, "wait between two DNS-01 self checks")
	fs.BoolVar(&s.clusterAmbient, "cluster-issuer-ambient-credentials", true, "let ClusterIssuers use ambient cloud credentials")
	fs.BoolVar(&s.issuerAmbient, "issuer-ambient-credentials", false, "let Issuers use ambient cloud credentials")
	fs.StringVar(&s.solverImage, "acme-http01-solver-image", "acmesolver.invalid/none", "image of the HTTP-01 solver pods")
	fs.DurationVar(&s.minBackoff, "certificate-request-minimum-backoff-duration", time.Hour, "first wait after a failed issuance")
	fs.DurationVar(&s.maxBackoff, "certificate-request-maximum-backoff-duration", 32*time.Hour, "longest wait after failed issuances")
	fs.BoolVar(&s.ownerRef, "enable-certificate-owner-ref", false, "let a Certificate own its Secret")
	fs.IntVar(&s.workers, "concurrent-workers", 5, "workers of each controller")
	fs.IntVar(&s.challenges, "max-concurrent-challenges", 60, "ACME challenges worked on at once")
	fs.StringVar(&s.healthz, "internal-healthz-listen-address", "0.0.0.0:9403", "address of /livez and /readyz")
	fs.StringVar(&s.gates, "feature-gates", "", "Name=true,...")
	fs.IntVarP(&s.verbosity, "v", "v", 2, "log level")
	file := fs.String("config", "", "file with a ControllerConfiguration, of which only the Gateway API is honoured")
	if err := fs.Parse(args); err != nil || *file == "" {
		return s, err
	}
	return s, s.read(*file)
}

// read takes what the chart puts into a file instead of flags.
func (s *settings) read(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var config configapi.ControllerConfiguration
	// What upstream would refuse is refused here, too.
	if err := yaml.UnmarshalStrict(text, &config); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	gateway := config.GatewayAPIConfig
	s.gatewayAPI = s.gatewayAPI || gateway.Enabled != nil && *gateway.Enabled
	s.listenerSet = s.listenerSet || gateway.EnableListenerSet != nil && *gateway.EnableListenerSet
	return nil
}

func main() {
	if err := run(); err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "cert-manager-controller:", err)
		os.Exit(1)
	}
}

func run() error {
	s, err := parse(os.Args[1:])
	if err != nil {
		return err
	}
	if err := startLogging(s.verbosity); err != nil {
		return err
	}
	defer logf.FlushLogs()
	if err := utilfeature.DefaultMutableFeatureGate.Set(s.gates); err != nil {
		return err
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx = logf.NewContext(ctx, klog.Background(), "cert-manager-controller")

	factory, err := controller.NewContextFactory(ctx, options(s))
	if err != nil {
		return fmt.Errorf("context factory: %w", err)
	}
	shared, err := factory.Build()
	if err != nil {
		return fmt.Errorf("context: %w", err)
	}

	names := selected(s)
	failed := make(chan error, len(names)+1)
	for _, name := range names {
		c, err := controller.Known()[name](factory)
		if err != nil {
			return fmt.Errorf("controller %s: %w", name, err)
		}
		go func() {
			if err := c.Run(s.workers, ctx); err != nil {
				failed <- fmt.Errorf("controller %s: %w", name, err)
			}
		}()
	}

	// Building the controllers is what asks for informers, so they start after it.
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	shared.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	if s.gatewayAPI {
		shared.GWShared.Start(ctx.Done())
	}

	var ready atomic.Bool
	go func() { failed <- serveHealth(s.healthz, &ready) }()
	shared.SharedInformerFactory.WaitForCacheSync(ctx.Done())
	shared.KubeSharedInformerFactory.WaitForCacheSync(ctx.Done())
	ready.Store(true)
	logf.FromContext(ctx).Info("ready", "controllers", names)

	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

func startLogging(verbosity int) error {
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged
	logf.InitLogs()
	configuration := logsapi.NewLoggingConfiguration()
	configuration.Verbosity = logsapi.VerbosityLevel(verbosity)
	return logf.ValidateAndApply(configuration)
}

func options(s settings) controller.ContextOptions {
	// The DNS-01 solvers take the first entry without looking: an empty list is a panic.
	nameservers := s.nameservers
	if len(nameservers) == 0 {
		nameservers = dnsutil.RecursiveNameservers
	}
	return controller.ContextOptions{
		Kubeconfig:         s.kubeconfig,
		KubernetesAPIQPS:   200,
		KubernetesAPIBurst: 400,
		Namespace:          s.namespace,
		IssuerOptions: controller.IssuerOptions{
			ClusterResourceNamespace:        s.clusterNamespace,
			ClusterIssuerAmbientCredentials: s.clusterAmbient,
			IssuerAmbientCredentials:        s.issuerAmbient,
		},
		ACMEOptions: controller.ACMEOptions{
			HTTP01SolverImage:                 s.solverImage,
			HTTP01SolverResourceRequestCPU:    resource.MustParse("10m"),
			HTTP01SolverResourceRequestMemory: resource.MustParse("64Mi"),
			HTTP01SolverResourceLimitsCPU:     resource.MustParse("100m"),
			HTTP01SolverResourceLimitsMemory:  resource.MustParse("64Mi"),
			ACMEHTTP01SolverRunAsNonRoot:      true,
			DNS01CheckAuthoritative:           !s.nameserversOnly,
			DNS01Nameservers:                  nameservers,
			DNS01CheckRetryPeriod:             s.checkPeriod,
		},
		IngressShimOptions: controller.IngressShimOptions{
			DefaultIssuerKind:  "Issuer",
			DefaultIssuerGroup: "cert-manager.io",
		},
		CertificateOptions: controller.CertificateOptions{
			EnableOwnerRef:                           s.ownerRef,
			CopiedAnnotationPrefixes:                 []string{"*", "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/"},
			CertificateRequestMinimumBackoffDuration: s.minBackoff,
			CertificateRequestMaximumBackoffDuration: s.maxBackoff,
		},
		SchedulerOptions: controller.SchedulerOptions{MaxConcurrentChallenges: s.challenges},
		ConfigOptions: controller.ConfigOptions{
			EnableGatewayAPI:            s.gatewayAPI,
			EnableGatewayAPIListenerSet: s.listenerSet,
		},
	}
}

// selected lists the registered controllers that the flags ask for.
func selected(s settings) []string {
	all := slices.Contains(s.controllers, "*")
	var names []string
	for name := range controller.Known() {
		switch {
		case name == gatewayShim && !s.gatewayAPI, name == listenerSetShim && !s.listenerSet:
		case slices.Contains(s.controllers, "-"+name):
		case all || slices.Contains(s.controllers, name):
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// serveHealth answers /livez always and /readyz once the caches are filled.
func serveHealth(address string, ready *atomic.Bool) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			http.Error(w, "the caches are not filled yet", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return http.ListenAndServe(address, mux)
}
