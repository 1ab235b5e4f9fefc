# Postern on plain workerd, without Node and without Cloudflare. docs/container.md explains how to run it.
FROM node:24-trixie-slim AS build
WORKDIR /postern
COPY . .
# Postern's user must be able to read all of it, whatever the umask of the checkout was.
RUN chmod -R a+rX . && npm ci --no-audit --no-fund && npm run container:build

# The operator's commands. They need Node, and the user who runs Postern: only that one can open the socket on the volume.
FROM node:24-trixie-slim AS commands
COPY --from=build /postern /postern
WORKDIR /postern
ENV HOME=/tmp
ENV NPM_CONFIG_UPDATE_NOTIFIER=false
USER 10001

FROM debian:trixie-slim
# sqlite3 applies migrations, backs up and restores; curl checks the health.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates curl sqlite3 \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin postern \
  && install --directory --owner 10001 --mode 0700 /data
COPY --from=build /postern/dist/container /opt/postern
WORKDIR /opt/postern
ENV DATA_DIRECTORY=/data
ENV PORT=8787
VOLUME ["/data"]
EXPOSE 8787
USER 10001
HEALTHCHECK --interval=30s --timeout=5s CMD curl --fail --silent --output /dev/null "http://127.0.0.1:${PORT}/health"
CMD ["./start"]
