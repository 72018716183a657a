# The files that `make images` has gathered: docker build -f deploy/images/cli.Dockerfile target/images
FROM scratch
COPY --chown=0:0 causeway-cli.rootfs/ /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/causeway"]
