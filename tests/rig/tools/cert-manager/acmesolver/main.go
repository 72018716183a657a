// The program that answers an HTTP-01 challenge, as one plain process.
//
// Upstream's main lives in a Go module that is not published; the server itself is in a public package.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
	"k8s.io/klog/v2"

	"github.com/cert-manager/cert-manager/pkg/issuer/acme/http/solver"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "cert-manager-acmesolver:", err)
		os.Exit(1)
	}
}

func run() error {
	answer := &solver.HTTP01Solver{}
	flags := pflag.NewFlagSet("cert-manager-acmesolver", pflag.ContinueOnError)
	flags.IntVar(&answer.ListenPort, "listen-port", 8089, "the port to listen on")
	flags.StringVar(&answer.Domain, "domain", "", "the domain name to verify")
	flags.StringVar(&answer.Token, "token", "", "the challenge token to verify against")
	flags.StringVar(&answer.Key, "key", "", "the challenge key to respond with")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		_ = answer.Shutdown(context.Background())
	}()
	if err := answer.Listen(klog.Background()); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
