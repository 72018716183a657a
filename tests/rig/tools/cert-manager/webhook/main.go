// The cert-manager admission webhook as one plain process, with upstream's own
// flags.
//
// Upstream's main lives in a Go module that is not published, and the server is
// assembled in an internal package. Go lets a module import it when the module's
// own path lies below github.com/cert-manager/cert-manager/, hence the name of
// this module. The name is local: the module is never published.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
	"k8s.io/klog/v2"

	"github.com/cert-manager/cert-manager/internal/webhook"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/webhook/options"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "cert-manager-webhook:", err)
		os.Exit(1)
	}
}

func run() error {
	configuration, err := options.NewWebhookConfiguration()
	if err != nil {
		return err
	}
	fs := pflag.NewFlagSet("cert-manager-webhook", pflag.ContinueOnError)
	// The log flags of the container belong to a package of the unpublished main.
	fs.ParseErrorsAllowlist.UnknownFlags = true
	options.AddConfigFlags(fs, configuration)
	if err := fs.Parse(os.Args[1:]); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx = logf.NewContext(ctx, klog.Background(), "webhook")
	server, err := webhook.NewCertManagerWebhookServer(logf.FromContext(ctx), *configuration)
	if err != nil {
		return err
	}
	return server.Run(ctx)
}
