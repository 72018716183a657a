# The files that `make images` has gathered: docker build -f deploy/images/api.Dockerfile target/images
FROM scratch
COPY --chown=0:0 causeway-api.rootfs/ /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/causeway-api"]
