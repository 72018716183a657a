# The files that `make images` has gathered: docker build -f deploy/images/workers.Dockerfile target/images
FROM scratch
COPY --chown=0:0 causeway-workers.rootfs/ /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
ENV CAUSEWAY_BUNDLES=/bundles
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/causeway-workers"]
