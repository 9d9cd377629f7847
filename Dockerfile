# syntax=docker/dockerfile:1
# Built by `make image-root`, which runs without Docker as well.
FROM rust:1-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends make gcc libc6-dev
WORKDIR /source
# Compilers' work on what others wrote is kept from build to build; only what changed is done again.
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target/release \
    make image-root

# glibc and libgcc, no shell, no package manager; runs as uid 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build --chown=65532:65532 /source/target/image/ /
# Listens on 8080, as the predecessor's image does and by the same variable, which a
# configuration file overrides. Snapshots go to ./data, the default.
ENV ASPNETCORE_HTTP_PORTS=8080
# Where nothing names a Redis, producers connect here instead; a container's loopback is nobody's.
ENV Redis__ListenDefault=0.0.0.0:6379
WORKDIR /
VOLUME /data
EXPOSE 8080 6379
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["/usr/local/bin/prom-stream-gateway", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/prom-stream-gateway"]
