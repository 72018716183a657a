// Traefik, as far as the rig needs it: the provider of Gateway API, entry points, routers and services, all of them Traefik's own. It takes the arguments of the
// real program. What it is built without stands in the folder `without`; metrics, access logs and traces are left out, too.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/log"
	"github.com/traefik/paerser/flag"
	ptypes "github.com/traefik/paerser/types"
	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/config/runtime"
	"github.com/traefik/traefik/v3/pkg/config/static"
	"github.com/traefik/traefik/v3/pkg/observability/metrics"
	"github.com/traefik/traefik/v3/pkg/provider/aggregator"
	"github.com/traefik/traefik/v3/pkg/provider/traefik"
	"github.com/traefik/traefik/v3/pkg/proxy/httputil"
	"github.com/traefik/traefik/v3/pkg/safe"
	"github.com/traefik/traefik/v3/pkg/server"
	"github.com/traefik/traefik/v3/pkg/server/middleware"
	"github.com/traefik/traefik/v3/pkg/server/service"
	"github.com/traefik/traefik/v3/pkg/tcp"
	"github.com/traefik/traefik/v3/pkg/tls"
)

func main() {
	zerolog.SetGlobalLevel(zerolog.InfoLevel)
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "traefik:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	conf, err := configuration(args)
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	all, err := assemble(conf)
	if err != nil {
		return err
	}
	if conf.Ping != nil {
		conf.Ping.WithContext(ctx)
	}
	all.Start(ctx)
	defer all.Close()
	log.Info().Msg("started")
	all.Wait()
	return nil
}

// The arguments over the real program's defaults.
func configuration(args []string) (*static.Configuration, error) {
	conf := &static.Configuration{
		Global:              &static.Global{},
		EntryPoints:         static.EntryPoints{},
		Providers:           &static.Providers{ProvidersThrottleDuration: ptypes.Duration(2 * time.Second)},
		ServersTransport:    &static.ServersTransport{MaxIdleConnsPerHost: 200},
		TCPServersTransport: &static.TCPServersTransport{DialTimeout: ptypes.Duration(30 * time.Second), DialKeepAlive: ptypes.Duration(15 * time.Second)},
	}
	if err := flag.Decode(args, conf); err != nil {
		return nil, err
	}
	conf.SetEffectiveConfiguration()
	return conf, conf.ValidateConfiguration()
}

func assemble(conf *static.Configuration) (*server.Server, error) {
	pool := safe.NewPool(context.Background())
	providers := aggregator.NewProviderAggregator(*conf.Providers)
	// Without it nothing is served: what the others say is applied once it has said that they are all there.
	if err := providers.AddProvider(traefik.New(*conf)); err != nil {
		return nil, err
	}
	certificates := tls.NewManager(nil)
	pool.GoCtx(certificates.Run)
	none := metrics.NewVoidRegistry()
	seen := middleware.NewObservabilityMgr(*conf, none, nil, nil, nil, nil)
	tcpEntryPoints, err := server.NewTCPEntryPoints(conf.EntryPoints, conf.HostResolver, none)
	if err != nil {
		return nil, err
	}
	udpEntryPoints, err := server.NewUDPEntryPoints(conf.EntryPoints)
	if err != nil {
		return nil, err
	}
	transports, dialers := service.NewTransportManager(nil), tcp.NewDialerManager(nil)
	proxies := httputil.NewProxyBuilder(transports, nil)
	services := service.NewManagerFactory(*conf, pool, seen, transports, proxies, nil, certificates)
	routers, err := server.NewRouterFactory(*conf, services, certificates, seen, nil, dialers)
	if err != nil {
		return nil, err
	}
	watcher := server.NewConfigurationWatcher(pool, providers, defaultEntryPoints(conf), traefik.ProviderName, false)
	watcher.AddListener(func(now dynamic.Configuration) {
		certificates.UpdateConfigs(context.Background(), now.TLS.Stores, now.TLS.Options, now.TLS.Certificates)
		transports.Update(now.HTTP.ServersTransports)
		proxies.Update(now.HTTP.ServersTransports)
		dialers.Update(now.TCP.ServersTransports)
		ofTCP, ofUDP := routers.CreateRouters(runtime.NewConfig(now))
		tcpEntryPoints.Switch(ofTCP)
		udpEntryPoints.Switch(ofUDP)
	})
	return server.NewServer(pool, tcpEntryPoints, udpEntryPoints, watcher, seen), nil
}

// Those of routes that name none.
func defaultEntryPoints(conf *static.Configuration) []string {
	var names []string
	for name := range conf.EntryPoints {
		if name != static.DefaultInternalEntryPointName {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
